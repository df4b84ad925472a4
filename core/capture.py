"""From footage to takes: find and follow the faces, align them, estimate what they show.

The estimator reads a face against the same face at rest.  So a clip is estimated twice: first
without a neutral, to see in which frame it rests, then against that frame.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import identity, models, parameters, preview
from .ahead import ahead
from .errors import UserError
from .estimator import Estimator, Sample, sample
from .frames import SEQUENCE_FPS, Frame, open_footage
from .head_pose import with_head_pose
from .live import Live, paced
from .parsing import IN_VIEW, parse
from .performer import Neutral
from .take import Take
from .tracking import Face, Tracker

Array = NDArray[np.float64]

STAGES: Final = ("decode", "find", "align", "estimate")
FEWEST: Final = 12  # frames of a face below which none of them can be told to be at rest
CALM_SHARE: Final = 0.35  # of the frames count as calm; the most usual of them is the neutral
ALIKE: Final = 0.006  # of the aligned crop's side, between the landmarks of a face that rests
COMPARED: Final = 600  # frames at most, evenly chosen: of a long clip these tell as much
CALM_LIMIT: Final = 0.45  # a face with a stronger AU is not at rest: of 237 that were, none had
# How much of each AU is said of rendered faces at rest, as cameras show them: the root mean square.
# Lips part and corners move less than brows seem to frown (tests/bench/resting.py).
REST: Final = {
    "AU01": 0.035, "AU02": 0.028, "AU04": 0.032, "AU05": 0.050, "AU06": 0.022, "AU07": 0.038,
    "AU09": 0.014, "AU10": 0.025, "AU12": 0.023, "AU14": 0.036, "AU15": 0.027, "AU16": 0.023,
    "AU17": 0.040, "AU18": 0.038, "AU20": 0.014, "AU22": 0.006, "AU24": 0.043, "AU25": 0.023,
    "AU26": 0.014, "AU28": 0.029, "AU30.L": 0.022, "AU30.R": 0.027, "AU43": 0.041,
}  # fmt: skip
# Farther from none, in these, a face is not at rest: of 800 that were, 1 % was.
UNLIKE: Final = 22.0
LOOK_EVERY: Final = 6  # frames, for what hides a face: a hand takes longer to come and go
_BATCH: Final = 32  # faces estimated between two reports
_REPORT: Final = 0.1  # seconds between reports of progress


class Cancelled(Exception):
    """The caller's ``cancelled`` said so; nothing was kept."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a capture is.  ``total`` and ``eta`` (seconds) are None where the end is unknown;
    ``fps`` is over all, ``seconds`` the time spent in each of ``STAGES``, of which the first two
    run beside the others of the frame before; ``provider`` and ``note`` are those of ``Models``."""

    done: int
    total: int | None
    fps: float
    eta: float | None
    provider: str
    note: str
    seconds: dict[str, float]


@dataclass
class _Face:
    """What was seen of one face, a row for each frame that shows it."""

    rows: list[int] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    vectors: list[Array] = field(default_factory=list)  # (285,) each, without a neutral
    rolls: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    hidden: list[float] = field(default_factory=list)  # of every LOOK_EVERYth of these rows

    def hidden_shares(self) -> Array:
        """(N,) how much of the face is hidden, 0..1, between the looks as if it moved evenly."""
        looked = np.arange(len(self.hidden)) * LOOK_EVERY
        return np.interp(np.arange(len(self.rows)), looked, self.hidden)

    def in_view(self) -> NDArray[np.bool_]:
        """(N,) whether nothing hides the face, neither at the look before nor at that after."""
        plain = np.array(self.hidden) <= IN_VIEW
        looks = np.arange(len(self.rows)) / LOOK_EVERY
        after = np.minimum(np.ceil(looks), len(plain) - 1).astype(int)
        return plain[looks.astype(int)] & plain[after]


class _Clock:
    """Adds up the time of each stage and reports progress now and then."""

    def __init__(self, total: int | None, loaded: models.Models) -> None:
        self.total, self.done = total, 0  # frames
        self.faces, self.again = 0, 0  # estimated without a neutral, and with one
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self._loaded, self._reported, self._began = loaded, 0.0, time.perf_counter()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - began

    def progress(self) -> Progress:
        spent = time.perf_counter() - self._began
        eta = None
        if self.total is not None and self.done:
            # Each face is estimated twice, which takes about as long.
            estimates = self.seconds["estimate"] / max(1, self.faces + self.again)
            eta = spent / self.done * max(0, self.total - self.done)
            eta += estimates * max(0, self.faces / self.done * self.total - self.again)
        fps = self.done / spent if spent else 0.0
        note, provider = self._loaded.note, self._loaded.provider
        return Progress(self.done, self.total, fps, eta, provider, note, dict(self.seconds))

    def report(self, tell: Callable[[Progress], None] | None) -> None:
        now = time.monotonic()
        if tell and now - self._reported >= _REPORT:
            self._reported = now
            tell(self.progress())


def capture(
    source: str | os.PathLike[str],
    *,
    faces: int = 1,
    device: str = "auto",
    start: int | None = None,
    end: int | None = None,
    fps: float = SEQUENCE_FPS,
    neutral: tuple[int, int] | str | os.PathLike[str] | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    finished: Callable[[], bool] | None = None,
    live: Callable[[float, dict[str, float]], None] | None = None,
    picture: Callable[[str], None] | None = None,
) -> list[Take]:
    """Takes of up to ``faces`` faces of a source (see ``open_footage``, also for start, end and
    fps), each over all frames; where no face is seen its ``success`` is False throughout.

    ``neutral`` marks the first and last frame in which the performers rest, or is the file of one
    that was saved (see ``Neutral``); without it, and for a face that no marked frame shows, a frame
    in which each face rests serves; a single frame, which would be its own, has no marked one.
    ``progress`` is told now and then and once at the end; ``cancelled`` is asked for every frame
    and raises Cancelled; ``finished`` ends live footage.
    ``live`` is told, for every frame, when it was read (``time.time()``) and what the last of the
    faces shows (see ``Live``); a video then comes at its own pace.
    ``picture`` is told now and then how the last of the faces looks (see ``preview``).
    UserError when there is nothing to capture from.
    """
    if faces < 1:
        raise UserError("There must be at least one face to look for: give --faces 1 or more.")
    footage = open_footage(source, start=start, end=end, fps=fps)
    marked = None if isinstance(neutral, str | os.PathLike) else neutral
    if marked is not None:
        late = footage.last is not None and marked[0] > footage.last
        if late or marked[1] < footage.first:
            raise UserError("The neutral frames are not among those to be captured: mark others.")
    loaded = models.load(device)
    estimator = Estimator(loaded.estimator, loaded.values)
    tracker = Tracker(loaded, faces)
    clock = _Clock(footage.total, loaded)
    indices: list[int] = []
    times: list[float] = []
    seen: dict[int, _Face] = defaultdict(_Face)

    saved = None
    if isinstance(neutral, str | os.PathLike):
        saved = Neutral.load(neutral, loaded.network)
    now = Live(estimator, lambda: saved or _neutral(seen[faces - 1]))
    source_frames = paced(footage.frames) if live and not footage.live else footage.frames

    drawn = -preview.INTERVAL

    def go_on() -> None:
        if cancelled and cancelled():
            raise Cancelled
        clock.report(progress)

    def followed() -> Iterator[tuple[Frame, float, list[Face]]]:
        while True:
            with clock.stage("decode"):
                frame = next(source_frames, None)
            if frame is None:
                return
            read = time.time()
            with clock.stage("find"):
                found = tracker.follow(frame.image)
            yield frame, read, found

    go_on()
    with closing(ahead(followed())) as coming:
        for frame, read, afar in coming:
            go_on()
            if finished and finished():
                break
            with clock.stage("align"):
                found = tracker.refine(frame.image, afar, mirror=True)
                for face in found:
                    new, roll = sample(face.points, face.features)
                    kept = seen[face.number]
                    if len(kept.rows) % LOOK_EVERY == 0:
                        kept.hidden.append(parse(loaded.parser, frame.image, face.points).hidden())
                    kept.rows.append(len(indices))
                    kept.samples.append(new)
                    kept.rolls.append(roll)
                    kept.scores.append(face.confidence)
            with clock.stage("estimate"):
                for face in found:
                    kept = seen[face.number]
                    kept.vectors.append(estimator(kept.samples[-1:])[0])
                clock.faces += len(found)
                last = found[-1] if found and found[-1].number == faces - 1 else None
                if live and last:
                    live(read, now(kept.samples[-1], kept.rolls[-1], frame.time))
            if picture and last and read - drawn >= preview.INTERVAL:
                drawn = read
                picture(preview.picture(frame.image, last.points))
            indices.append(frame.index)
            times.append(frame.time)
            clock.done += 1

    clock.total = clock.done
    frames, stamps = np.array(indices, int), np.array(times)
    resting = np.zeros(len(frames), bool)
    if marked is not None and len(frames) > 1:
        resting = (frames >= marked[0]) & (frames <= marked[1])
        if not any(resting[kept.rows].any() for kept in seen.values()):
            raise UserError(
                f"No face is seen in the neutral frames {marked[0]} to {marked[1]}: mark others."
            )
    takes = []
    for number in sorted(seen) or [0]:
        kept = seen[number]
        rest = saved or _neutral(kept, np.flatnonzero(resting[kept.rows]).tolist())
        if rest is not None:
            for first in range(0, len(kept.rows), _BATCH):
                go_on()
                part = slice(first, first + _BATCH)
                with clock.stage("estimate"):
                    kept.vectors[part] = estimator(kept.samples[part], rest)
                clock.again += len(kept.samples[part])
        take = _take(number, kept, frames, stamps, footage.name)
        if rest is not None:
            take.neutral = Neutral(rest.points, rest.features, loaded.network)
        take.identity = _identity(kept)
        takes.append(take)
    clock.again = clock.faces
    if progress:
        progress(clock.progress())
    return takes


def _neutral(face: _Face, marked: Sequence[int] = ()) -> Sample | None:
    """The face at rest: of its marked samples the one that most of them are like; or else of the
    calmest the one that most of all are like, as a face returns to rest."""
    calm = _some(marked or _calmest(face))
    if not calm:
        return None
    others = _some(marked or range(len(face.samples)))
    points = np.stack([face.samples[i].points for i in others])
    apart = [np.square(face.samples[i].points - points).mean(axis=(1, 2)) for i in calm]
    alike = [np.sum(1 / (1 + a / ALIKE**2)) for a in apart]
    return face.samples[calm[int(np.argmax(alike))]]


def _some(samples: Sequence[int]) -> Sequence[int]:
    return samples[:: -(-len(samples) // COMPARED)] if samples else samples


def _calmest(face: _Face) -> list[int]:
    """The samples in which a face does least and nothing hides it; none where it never rests."""
    if len(face.rows) < FEWEST:
        return []
    aus = np.stack(face.vectors)[:, parameters.group("au")]
    order = np.argsort(aus.sum(axis=1), kind="stable")
    order = order[face.in_view()[order]]
    calm = order[: max(FEWEST // 2, int(CALM_SHARE * len(order)))]
    return calm[(aus[calm].max(axis=1) <= CALM_LIMIT) & (unlike_rest(aus[calm]) <= UNLIKE)].tolist()


def unlike_rest(aus: Array) -> Array:
    """(N,) how far AUs (N, 23), said without a neutral, are from those of faces at rest."""
    return np.linalg.norm(aus / [REST[au] for au in parameters.AUS], axis=1)


def _identity(face: _Face) -> Array | None:
    """Who it is, from views over all that the head turns; None where no face was seen."""
    if not face.rows:
        return None
    vectors = np.stack(face.vectors)
    by_yaw = np.argsort(vectors[:, parameters.INDEX["head.yaw"]], kind="stable")
    count = min(identity.VIEWS, len(by_yaw))
    views = by_yaw[((np.arange(count) + 0.5) / count * len(by_yaw)).astype(int)]
    points = np.stack([face.samples[i].points for i in views])
    return identity.estimate(points, vectors[views])


def _take(number: int, face: _Face, frames: NDArray[np.int64], times: Array, source: str) -> Take:
    def spread(values: Array | list[float]) -> Array:
        out = np.zeros(len(frames))
        out[face.rows] = values
        return out

    vectors = np.reshape(face.vectors, (len(face.rows), parameters.SIZE))
    seen = with_head_pose(parameters.signals(vectors), np.array(face.rolls))
    signals = {name: spread(values) for name, values in seen.items()}
    success = spread(np.ones(len(face.rows))) > 0
    confidence = spread(np.array(face.scores) * (1 - face.hidden_shares()) if face.rows else [])
    return Take(frames, times, confidence, success, signals, number, source)


def place(path: str | os.PathLike[str], face: int) -> Path:
    """Where something about a face, numbered from 0, is written: what is beyond the first one's
    goes beside it as ``NAME_face2.csv``, ..."""
    path = Path(path)
    return path.with_stem(f"{path.stem}_face{face + 1}") if face else path


def check_output(output: str | os.PathLike[str], faces: int = 1) -> None:
    """UserError when no takes can be written there: told before the work, not after it."""
    path = Path(output)
    if path.suffix.lower() not in (".csv", ".json"):
        raise UserError(f"A take is a .csv or a .json file: give {path} one of these endings.")
    check_place(path, faces)


def check_place(path: Path, faces: int = 1) -> None:
    """UserError when no files of so many faces can be written there."""
    for wanted in (place(path, face) for face in range(faces)):
        if wanted.is_dir():
            raise UserError(f"{wanted} is a folder: name a file in it.")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UserError(
            f"Cannot write into {path.parent} ({error.strerror}): choose another place."
        ) from error


def save(takes: list[Take], output: str | os.PathLike[str]) -> list[Path]:
    """Write each take to its ``place``; UserError, and no file, when no face was seen in any."""
    if not any(take.success.any() for take in takes):
        raise UserError(
            f"No face was found in {takes[0].source}: choose footage in which a face is larger"
            " and well lit."
        )
    paths = [place(output, take.face) for take in takes]
    for take, path in zip(takes, paths, strict=True):
        take.save(path)
    return paths
