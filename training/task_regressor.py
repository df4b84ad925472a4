"""Teaching R without labels, through frozen F_seg, F_reg and G: `mien train regressor`."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.random import Generator as Random
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.core import parameters, sampling
from mien.core.errors import UserError
from mien.core.face_model import FaceModel
from mien.training import augment, losses
from mien.training.checkpoint import digest, read_network
from mien.training.data import Pairs, Pixels
from mien.training.dataset_faces import read_faces
from mien.training.datasets import LAYOUTS
from mien.training.generator import Generator
from mien.training.lightcnn import LightCNN, recognition_crop
from mien.training.metrics import Scores
from mien.training.regressor import Eyes, LandmarkEyes, ParserEyes, Regressor, Seen
from mien.training.shipped import landmarks_of, parser_of, recognizer_of
from mien.training.task import Array, Batch, floats, mixes, sheet, to_tensor
from mien.training.task_aligned import AlignedTask, judged, labelled
from mien.training.warps import warped as warp

_UNITS: Final = parameters.group("au")
FROZEN: Final = {"generator": "G", "parser": "F_seg", "recognizer": "F_reg"}
_BATCH: Final = 32  # faces judged at once
BEGINNING: Final = 0.3  # of the time
BEGIN_RATE: Final = 1e-3  # of learning, of what G draws
TELL: Final = 10.0  # seconds between reports of that
_TURN: Final = (15.0, 8.0)  # degrees of yaw and pitch that warping adds, standard deviations


def add_frozen(parser: ArgumentParser, names: Iterable[str] = FROZEN) -> None:
    """Adds the checkpoints of the networks that are fixed while R learns; G is not shipped."""
    for name in names:
        wanted = name == "generator"
        text = f"{FROZEN[name]}: the {name}.pt of 'mien train {name}'"
        text += "" if wanted else " (the shipped one)"
        parser.add_argument(f"--{name}", type=Path, required=wanted, help=text)


class RegressorTask(AlignedTask):
    """Equation (7) on the aligned faces of ``wild`` pairs, whose parameters only judge."""

    name = "regressor"
    batch_size = 16
    rate = 5e-4

    def __init__(
        self,
        pairs: Pairs,
        generator: Path,
        parser: Path | None = None,
        recognizer: Path | None = None,
        width: int = 512,
        without: Sequence[str] = (),
        landmarks: Path | bool = False,
        warped: float = 0.0,
        faces: Sequence[str] = (),
        beginning: float = BEGINNING,
        beta: float = losses.BETA,
    ) -> None:
        super().__init__(pairs)
        self.faces = [face for given in faces for face in read_faces(given)]
        if faces:
            titles = (LAYOUTS[given.partition("=")[0]].title for given in faces)
            self.data = f"pairs rendered by mien, and faces of {', '.join(titles)} without labels"
        self.generator = read_network(generator, Generator)
        self.eyes: Eyes
        if landmarks:
            self.eyes = LandmarkEyes(landmarks_of(None if landmarks is True else landmarks))
        else:
            self.eyes = ParserEyes(eyes := parser_of(parser))
            self.frozen = {"parser": digest(eyes)}
        self.eyes.requires_grad_(False)
        self.width, self.warped, self.beginning = width, warped, beginning
        self.beta = beta
        if not 0 <= beginning <= 1:
            raise UserError(f"R cannot begin for {beginning:g} of the time: give 0 to 1.")
        if beta < 0:
            raise UserError(f"A beta of {beta:g} would keep units from resting: give 0 or more.")
        self.terms = [name for name in losses.WEIGHTS if name not in without]
        if not self.terms:
            raise UserError("R learns by its losses: leave out fewer of them.")
        self.recognizer: LightCNN | None = None
        if "id" in self.terms:
            self.recognizer = recognizer_of(recognizer).requires_grad_(False)
        self.size = int(self.generator.config["size"])
        self.layout = str(self.generator.config["layout"])

    @classmethod
    def add_options(cls, parser: ArgumentParser) -> None:
        add_frozen(parser)
        parser.add_argument("--width", type=int, default=512, help="numbers in its FC layers")
        parser.add_argument(
            "--without", nargs="+", choices=losses.WEIGHTS, default=(),
            help="terms of equation (7) to leave out",
        )  # fmt: skip
        parser.add_argument(
            "--landmarks", type=Path, nargs="?", const=True, default=False, metavar="CHECKPOINT",
            help="the landmark network, the shipped one or of this landmarks.pt, in place of F_seg",
        )  # fmt: skip
        parser.add_argument(
            "--beta", type=float, default=losses.BETA,
            help=f"of equation (10): how much units are to rest ({losses.BETA}, the paper's)",
        )  # fmt: skip
        parser.add_argument(
            "--warped", type=float, default=0.0, metavar="SHARE",
            help="of the faces that are warped to other poses and expressions (0: pairs have all)",
        )  # fmt: skip
        parser.add_argument(
            "--beginning", type=float, default=BEGINNING, metavar="SHARE",
            help="of the time in which it first learns to find again what G draws of people drawn "
            f"by chance ({BEGINNING}; 0: as the paper has it)",
        )  # fmt: skip
        parser.add_argument(
            "--faces", nargs="+", default=(), metavar="SET=FOLDER",
            help="faces of the training subjects of data sets fill half of each step, without "
            f"labels; SET is one of {', '.join(LAYOUTS)}",
        )  # fmt: skip

    def network(self) -> Regressor:
        return Regressor(self.eyes.channels(), self.width, self.layout, self.size)

    def to(self, device: torch.device) -> None:
        for frozen in (self.generator, self.eyes, self.recognizer):
            if frozen is not None:
                frozen.to(device, memory_format=torch.channels_last)  # a third faster on CPUs

    def batch(self, rng: Random, indices: NDArray[np.int64], disturbed: bool = True) -> Batch:
        """Aligned faces (B, 3, size, size) over backgrounds as a camera shows them, and as they
        are; in lessons half of them photographed ones, where there are some."""
        if disturbed and self.faces:
            indices = indices.copy()
            count = len(indices) // 2
            indices[:count] = len(self.pairs) + rng.integers(0, len(self.faces), count)
        shown, plain, _ = self.crops(rng, indices, self.size, disturbed)
        return shown, plain

    def pictured(self, i: int) -> tuple[Pixels, Array]:
        """Of the photographed ones too, which are counted after the pairs."""
        photographed = i - len(self.pairs)
        return super().pictured(i) if photographed < 0 else tuple(self.faces[photographed])

    def varied(self, rng: Random, face: Pixels, points: Array) -> tuple[Pixels, Array]:
        if rng.random() >= self.warped:
            return face, points
        yaw, pitch = rng.normal(0, _TURN)
        return warp(face, points, yaw, pitch, sampling.action_units(rng))

    def begin(self, network: nn.Module, seconds: float) -> None:
        """Learns to find again what G draws of people drawn by chance, as a camera shows them.

        As by equation (11), and not without it, but of other faces than R's own: what a new R says
        of any face is nearly the base face, and finding that again teaches it little.  By squares,
        which are least at a mean: most units rest, and absolute differences are least where R says
        that all do (ICC .06 after three minutes, and .20 after four by squares).
        """
        if not self.beginning or "lp" not in self.terms:
            return
        device = next(network.parameters()).device
        optimizer = torch.optim.AdamW(network.parameters(), BEGIN_RATE, weight_decay=1e-2)
        model, rng = FaceModel(), np.random.default_rng(3)
        start = said = time.monotonic()
        progress, recent = 0.0, []
        while progress < 1:
            optimizer.param_groups[0]["lr"] = BEGIN_RATE * max(0.01, 1 - progress)
            drawn = [sampling.studio(rng, model.sample_identity) for _ in range(self.batch_size)]
            y = floats(drawn)[:, : parameters.size(self.layout)].to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=mixes(device)):
                with torch.no_grad():
                    seen = self.eyes(self.shown(rng, self.generator(y)))
                loss = (network(*seen) - y).square().sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recent.append(float(loss.detach()))
            now = time.monotonic()
            progress = (now - start) / seconds
            if now - said >= TELL or progress >= 1:
                said, left = now, timedelta(seconds=max(0, round(seconds - now + start)))
                told = f"loss {np.mean(recent):.3f} of what G draws"
                print(f"regressor: {told}, {left} left", flush=True)
                recent.clear()

    def shown(self, rng: Random, faces: Tensor) -> Tensor:
        """Faces (B, 3, S, S) in 0..1 as a camera shows them, without their gradient."""
        pixels = (faces.permute(0, 2, 3, 1).cpu().numpy() * 255).round().astype(np.uint8)
        disturbed = [augment.disturb(rng, face, cover=0.05) for face in pixels]
        return to_tensor(disturbed).to(faces.device)

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        return losses.l_total(self.equations(network, *batch))

    def equations(self, network: nn.Module, image: Tensor, plain: Tensor) -> dict[str, Tensor]:
        """The terms of equation (7) by name, of images (B, 3, size, size) that R reads, and the
        same without what a camera did to them, which G is not to draw."""
        with torch.no_grad():
            seen, real = self.eyes(image), self.eyes(plain)
        y = network(*seen)
        calm_image = self.generator(losses.emotionless(y))
        calm = self.eyes(calm_image)
        out = {}
        if "ct" in self.terms:
            out["ct"] = self.eyes.content(self.eyes(self.generator(y)), real)
        if "id" in self.terms:
            assert self.recognizer is not None
            with torch.no_grad():
                known = self.recognizer(recognition_crop(plain)).float()
            told = self.recognizer(recognition_crop(calm_image)).float()
            out["id"] = losses.l_id(told, known)
        if "pr" in self.terms:
            out["pr"] = losses.l_pr(y, self.beta)
        if "lp" in self.terms:
            out["lp"] = self.loopback(network, y.detach(), calm)
        if "adv" in self.terms:
            with torch.no_grad():
                face = self.eyes(self.generator(losses.base(y[:1])))[1]
            out["adv"] = losses.l_adv(calm[1]["mouth"], face["mouth"])
        return out

    def loopback(self, network: nn.Module, y: Tensor, calm: Seen) -> Tensor:
        """Equation (11) of what R said, parameters (B, n) that let no gradient through, and what is
        seen of the faces without emotion that G draws of them."""
        nobody = losses.nobody(y)
        with torch.no_grad():
            stranger = self.eyes(self.generator(nobody))
        # R is judged as it will work: normalised as it learnt to be on real pictures.
        learning = network.training
        network.eval()
        said_calm = network(calm[0].detach(), {name: t.detach() for name, t in calm[1].items()})
        said_nobody = network(*stranger)
        network.train(learning)
        return losses.l_lp(losses.emotionless(y), said_calm, nobody, said_nobody)

    def say(self, network: nn.Module, images: Tensor) -> Tensor:
        """Parameters (N, n) of images (N, 3, size, size)."""
        device = next(network.parameters()).device
        with torch.no_grad():
            parts = [network(*self.eyes(part.to(device))).cpu() for part in images.split(_BATCH)]
        return torch.cat(parts)

    def score(self, network: nn.Module, indices: NDArray[np.int64]) -> Scores:
        indices = self.judges(indices)
        images, _ = self.batch(np.random.default_rng(9), indices, disturbed=False)
        y = self.say(network, images).numpy()
        device = next(network.parameters()).device
        with torch.no_grad():
            some = images[:_BATCH].to(device)
            terms = self.equations(network, some, some)
        return {
            **judged(y, self.pairs.values[indices]),
            "equations": {name: float(term) for name, term in terms.items()},
        }

    def picture(self, network: nn.Module, indices: NDArray[np.int64]) -> Pixels:
        """Of each face: as seen, as G draws what R says of it, and the strongest units, said /
        true."""
        indices = np.resize(indices, 24)
        images, _, _ = self.crops(np.random.default_rng(10), indices, self.size, True)
        y = self.say(network, images)
        with torch.no_grad():
            drawn = self.generator(y.to(next(network.parameters()).device)).cpu()
        both = torch.cat((images, drawn), 3).permute(0, 2, 3, 1).numpy()
        truth = self.pairs.values[indices]
        tiles = zip(both, y.numpy()[:, _UNITS], truth, strict=True)
        return sheet([labelled(*tile) for tile in tiles], 4)
