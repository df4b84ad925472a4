"""Files appear whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import UserError


@contextlib.contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A path beside ``path`` to write to; it takes the place of ``path`` when the block succeeds.

    Raises UserError when the folder is missing or cannot be written to.
    """
    target = Path(path)
    draft = target.with_name(f".{target.stem}.{os.getpid()}{target.suffix}")
    try:
        yield draft
        os.replace(draft, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"Cannot write {target} ({reason}): choose another place or name."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # it has moved, or could not be made
            draft.unlink()


def tagged(text: str, kind: str, version: int) -> dict[str, Any]:
    """What JSON holds beside its "format", which must be ``kind``, and its "version"; ValueError
    where it says others."""
    fields = json.loads(text)
    if not isinstance(fields, dict) or fields.pop("format", None) != kind:
        raise ValueError(f'it does not say "format": "{kind}"')
    if (found := fields.pop("version", None)) != version:
        raise ValueError(f"its version is {found}, and this mien reads {version}: update mien")
    return fields
