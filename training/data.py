"""Rendered pairs as arrays.

A pairs folder holds tar shards ``pairs-SSSSS.tar`` of ``KEY.png`` (RGBA, square, of any size),
``KEY.json``, ``KEY.parameters.npy`` and ``KEY.landmarks.npy``, and perhaps ``KEY.mask.png`` (as
large, the classes of core.face_classes).  Every shard is decoded once, into .npy files beside it;
its masks and whole parameter vectors for those who ask for them.  Pictures stay in these files
until they are looked at: a set may be larger than the memory, and processes that learn together
have it there once.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core import parameters
from mien.core.errors import UserError
from mien.core.face_classes import CLASSES, INDEX
from mien.core.files import written_whole
from mien.training.networks import COLUMNS, VALUES

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
_TOLD: Final = ("landmarks", "visible", "roll", "values", "who", "kind")


class Pictures(Sequence[Pixels]):
    """Those of some .npy files (N, H, W) or (N, H, W, C), one file after the other."""

    def __init__(self, files: Sequence[Path]) -> None:
        counts = [len(np.load(file, mmap_mode="r")) for file in files]
        self._files, self._ends = files, np.cumsum(counts)
        self._starts = self._ends - counts

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, i: Any) -> Any:
        if not 0 <= i < len(self):
            raise IndexError(i)
        # Opened each time: a large set has more files than a process may hold open.
        file = int(np.searchsorted(self._ends, i, "right"))
        return np.array(np.load(self._files[file], mmap_mode="r")[i - self._starts[file]])


@dataclass(frozen=True)
class Pairs:
    """N samples; ``neutral[i]`` is the index of the same person's neutral sample, -1 for none."""

    folder: Path  # the first of them
    seeds: tuple[int, ...]  # that were rendered
    images: Pictures  # N of (S, S, 4) RGBA with the colours multiplied by alpha
    landmarks: Floats  # (N, 68, 2) px
    visible: NDArray[np.bool_]  # (N, 68) which of them lie in the picture and are not hidden
    roll: Floats  # (N,) degrees by which heads are tilted in the picture, once they are turned
    values: Floats  # (N, 41) in the order of networks.VALUES
    seed: NDArray[np.int64]  # (N,)
    identity: NDArray[np.int64]  # (N,) among those of one seed
    person: NDArray[np.int64]  # (N,) among all
    neutral: NDArray[np.int64]  # (N,)
    masks: Pictures | None  # N of (S, S) classes, where they were asked for
    vectors: Floats | None  # (N, 285) of core.parameters, where they were asked for

    def __len__(self) -> int:
        return len(self.images)

    def split(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices for training and the held-out ones: identities that end in 9."""
        held = self.identity % 10 == 9
        return np.flatnonzero(~held), np.flatnonzero(held)

    def acting(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of these whose person is shown at rest in another picture: beside itself a face at
        rest is no riddle."""
        rest = self.neutral[indices]
        return indices[(rest >= 0) & (rest != indices)]


@contextmanager
def _opened(shard: Path) -> Iterator[tuple[list[str], Callable[[str], bytes]]]:
    """The keys of a shard in order, and what reads a member."""
    with tarfile.open(shard) as tar:
        members = {m.name: m for m in tar.getmembers() if m.isfile()}

        def read(name: str) -> bytes:
            file = tar.extractfile(members[name])
            assert file is not None
            return file.read()

        yield sorted(n.removesuffix(".json") for n in members if n.endswith(".json")), read


def _picture(data: bytes) -> Pixels:
    image: Pixels | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError("a picture cannot be read")
    return image


def premultiplied(image: Pixels) -> Pixels:
    """RGBA of a render as OpenCV read it, BGRA (H, W, 4), with the colours multiplied by alpha."""
    out = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA), np.uint8)
    out[..., :3] = (out[..., :3] * out[..., 3:].astype(np.uint16) + 127) // 255
    return out


def _decode_masks(shard: Path) -> dict[str, NDArray[Any]]:
    with _opened(shard) as (keys, read):
        try:
            masks = [_picture(read(f"{key}.mask.png")) for key in keys]
        except KeyError:
            raise UserError(
                f"{shard} holds no masks; render its pairs again with 'mien render-pairs'."
            ) from None
    return {"mask": np.stack(masks)}


def _decode_vectors(shard: Path) -> dict[str, NDArray[Any]]:
    with _opened(shard) as (keys, read):
        vectors = [np.load(io.BytesIO(read(f"{key}.parameters.npy"))) for key in keys]
    return {"vector": np.array(vectors, np.float32)}


def _decode(shard: Path) -> dict[str, NDArray[Any]]:
    columns: dict[str, list[Any]] = {k: [] for k in ("image", *_TOLD)}
    with _opened(shard) as (keys, read):
        for key in keys:
            about = json.loads(read(f"{key}.json"))
            image = _picture(read(f"{key}.png"))
            if image.ndim != 3 or image.shape[2] != 4 or image.shape[0] != image.shape[1]:
                raise UserError(f"{shard.name}: {key}.png is not a square RGBA; render again.")
            columns["image"].append(premultiplied(image))
            *places, visible = np.load(io.BytesIO(read(f"{key}.landmarks.npy"))).T
            # Rendered pixels have their centres at .5, OpenCV's at whole numbers.
            columns["landmarks"].append(np.stack(places, 1) - 0.5)
            columns["visible"].append(visible == 1)
            vector = np.load(io.BytesIO(read(f"{key}.parameters.npy")))
            columns["values"].append(vector[COLUMNS])
            columns["roll"].append(about["roll"])
            columns["who"].append((about["seed"], about["identity"]))
            columns["kind"].append(about["kind"] == "neutral")
    return {k: np.array(v, np.float32 if k in ("landmarks", "roll", "values") else None)
            for k, v in columns.items()}  # fmt: skip


def _whole(file: Path, made: int) -> bool:
    """Whether it was made of the shard of that time, and can be read."""
    try:
        np.load(file, mmap_mode="r")
        return file.stat().st_mtime_ns == made
    except (OSError, ValueError, EOFError):
        return False


def _decoded(
    shard: Path, columns: Sequence[str], decode: Callable[[Path], dict[str, NDArray[Any]]]
) -> list[Path]:
    """The files of these columns of a shard, which ``decode`` makes where they are not there, or
    of another shard."""
    files = [shard.with_suffix(f".{column}.npy") for column in columns]
    # Files carry their shard's time: one that takes its place may well be older than they are.
    made = shard.stat().st_mtime_ns
    if not all(_whole(file, made) for file in files):
        try:
            found = decode(shard)
        except (tarfile.TarError, KeyError, ValueError, cv2.error) as problem:
            raise UserError(f"{shard} is damaged ({problem}); render this shard again.") from None
        for file, column in zip(files, columns, strict=True):
            with written_whole(file) as draft:
                np.save(draft, found[column])
                os.utime(draft, ns=(made, made))
    return files


def _joined(files: Sequence[Path]) -> NDArray[Any]:
    return np.concatenate([np.load(file) for file in files])


def load_pairs(*folders: Path, masks: bool = False, vectors: bool = False) -> Pairs:
    """All samples of some pairs folders, with their class masks and whole parameter vectors where
    these are asked for.

    UserError where a folder holds no shard, or a shard no masks.
    """
    shards = []
    for folder in folders:
        found = sorted(folder.glob("pairs-*.tar"))
        if not found:
            raise UserError(f"{folder} holds no pairs-*.tar; make some with 'mien render-pairs'.")
        shards += found
    images, *told = zip(*(_decoded(s, ("image", *_TOLD), _decode) for s in shards), strict=True)
    mask_files = [_decoded(s, ("mask",), _decode_masks)[0] for s in shards if masks]
    vector_files = [_decoded(s, ("vector",), _decode_vectors)[0] for s in shards if vectors]
    whole = dict(zip(_TOLD, map(_joined, told), strict=True))
    # Flavours of one seed, each in a folder of its own, have other people of the same numbers.
    counts = [len(np.load(file, mmap_mode="r")) for file in told[_TOLD.index("who")]]
    within = np.repeat([folders.index(shard.parent) for shard in shards], counts)
    whose: NDArray[np.int64] = np.concatenate([within[:, None], whole["who"]], axis=1)
    who = [tuple(three) for three in whose.tolist()]
    neutral = {who[i]: i for i in np.flatnonzero(whole["kind"]).tolist()}
    return Pairs(
        folder=folders[0],
        seeds=tuple(sorted(set(whose[:, 1].tolist()))),
        images=Pictures(images),
        landmarks=whole["landmarks"],
        visible=whole["visible"],
        roll=whole["roll"],
        values=whole["values"],
        seed=whose[:, 1],
        identity=whose[:, 2],
        person=np.unique(whose, axis=0, return_inverse=True)[1].ravel(),
        neutral=np.array([neutral.get(w, -1) for w in who]),
        masks=Pictures(mask_files) if masks else None,
        vectors=_joined(vector_files) if vectors else None,
    )


# --- mirroring -----------------------------------------------------------------------------------


def _mirror_classes() -> Pixels:
    out = np.arange(len(CLASSES), dtype=np.uint8)
    for part in ("brow", "eye", "ear"):
        left, right = INDEX[f"l_{part}"], INDEX[f"r_{part}"]
        out[[left, right]] = right, left
    return out


MIRROR_CLASSES: Final = _mirror_classes()


def mirror_mask(mask: Pixels) -> Pixels:
    """Classes (..., H, W) of the image turned left to right."""
    return MIRROR_CLASSES[mask[..., ::-1]]


def mirror_values(values: NDArray[Any]) -> NDArray[Any]:
    """Values (..., 41) of the mirrored face."""
    return parameters.mirror_values(values, VALUES)
