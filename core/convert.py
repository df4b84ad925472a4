"""``mien convert``: a take of any kind that can be read to any kind that can be written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from . import take_bvh, take_livelink
from .cleanup import Cleanup, clean
from .errors import UserError
from .files import written_whole
from .take import Take

CSV_KINDS: Final = ("openface", "livelink")


def export(take: Take, path: str | os.PathLike[str], csv: str | None = None) -> None:
    """Write ``.csv`` (``csv`` says which kind, OpenFace's by default), ``.json`` or ``.bvh``.

    Live Link Face and BVH cannot say that a frame shows no face: such frames are filled in from
    those around them.  UserError when the take or the name does not suit the format.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".csv", ".json", ".bvh"):
        raise UserError(f"A take becomes .csv, .json or .bvh: give {path} one of these endings.")
    if csv and suffix != ".csv":
        raise UserError(
            f"'--to {csv}' is a kind of .csv: give {path} that ending, or leave it out."
        )
    if suffix != ".bvh" and csv != "livelink":
        take.save(path)
        return
    whole = vars(clean(take, Cleanup(neutral="none", smoothing=0)))
    text = take_bvh.dumps(whole) if suffix == ".bvh" else take_livelink.dumps(whole)
    with written_whole(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="")


def convert(source: str, output: str, csv: str | None = None) -> str:
    """Convert one file; what was done, in a sentence."""
    take = Take.load(source)
    export(take, output, csv)
    return f"{output}: a face in {take.success.sum()} of {len(take)} frames."
