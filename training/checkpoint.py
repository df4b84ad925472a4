"""Files of training: whole or absent, and read without running what they hold."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from mien.core.errors import UserError
from mien.core.files import written_whole


def write_file(path: Path, data: bytes) -> None:
    """Writes whole or not at all, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as draft:
        draft.write_bytes(data)


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Tensors, numbers and strings only, so that reading needs no trust."""
    buffer = BytesIO()
    torch.save(state, buffer)
    write_file(path, buffer.getvalue())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's tensors and numbers; UserError where it is none."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        state["network"], state["step"]
    except Exception:  # torch names a dozen reasons; the user needs one
        raise UserError(f"{path} is no checkpoint of 'mien train'; train again.") from None
    return state
