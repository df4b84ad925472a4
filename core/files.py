"""Files appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UserError


@contextmanager
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
        draft.unlink(missing_ok=True)
