import json

import cv2
import numpy as np
import pytest
import torch

from mien.core import parameters
from mien.core.errors import UserError
from mien.training import losses
from mien.training.bisenet import BiSeNet
from mien.training.checkpoint import write_checkpoint
from mien.training.fit import fit, fit_image
from mien.training.generator import Generator
from mien.training.regressor import ParserEyes


@pytest.fixture(scope="module")
def networks():
    """G and F_seg that know nothing, but are as fixed and differentiable as taught ones."""
    torch.manual_seed(3)
    g, parser = Generator(64, 4).eval().requires_grad_(False), BiSeNet(0.125).eval()
    return g, ParserEyes(parser).requires_grad_(False)


def test_descent_comes_nearer_to_the_face_that_g_drew(networks):
    g, eyes = networks
    truth = torch.from_numpy(parameters.neutral()).float().repeat(2, 1)
    truth[0, 2:60], truth[1, 100:200] = 0.9, 0.9
    y, content = fit(g, eyes, g(truth), steps=25)
    assert content[-1] < 0.8 * content[0]
    low = torch.tensor([p.low for p in parameters.PARAMETERS])
    high = torch.tensor([p.high for p in parameters.PARAMETERS])
    assert (y >= low).all() and (y <= high).all()
    # A face's fit does not depend on who else is fitted.  Rounding grows with every step.
    (both, _), (alone, _) = (fit(g, eyes, g(faces), steps=8) for faces in (truth, truth[:1]))
    assert torch.allclose(alone[0], both[0], atol=1e-3)


def test_parameters_that_the_picture_does_not_ask_for_stay_near_the_base(networks, monkeypatch):
    g, eyes = networks
    truth = torch.from_numpy(parameters.neutral()).float()[None]
    truth[0, 2:60] = 0.9
    far = {}
    for weight in (0.0, 10.0):
        monkeypatch.setattr("mien.training.fit.SPARSITY", weight)
        far[weight] = float(losses.l_pr(fit(g, eyes, g(truth), steps=25)[0]))
    assert far[10.0] < 0.5 * far[0.0]


def checkpoints(folder, networks):
    g, eyes = networks
    for name, network in (("generator", g), ("parser", eyes.parser)):
        state = {"network": network.state_dict(), "config": network.config, "step": 0}
        write_checkpoint(folder / f"{name}.pt", state)
    return folder / "generator.pt", folder / "parser.pt"


def test_a_photograph_without_a_face_says_so(networks, tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((200, 200, 3), 128, np.uint8))
    g, parser = checkpoints(tmp_path, networks)
    with pytest.raises(UserError, match="No face was found in grey"):
        fit_image(tmp_path / "grey.png", g, parser, tmp_path / "fit.json", torch.device("cpu"))
    assert not (tmp_path / "fit.json").exists()


@pytest.mark.parametrize(("out", "says"), [("me.json", "the picture itself"), ("x.png", ".json")])
def test_the_picture_is_never_overwritten(networks, tmp_path, out, says):
    path = tmp_path / "me.png"
    cv2.imwrite(str(path), np.full((20, 20, 3), 128, np.uint8))
    before, (g, parser) = path.read_bytes(), checkpoints(tmp_path, networks)
    with pytest.raises(UserError, match=says):
        fit_image(path, g, parser, tmp_path / out, torch.device("cpu"))
    assert path.read_bytes() == before and not (tmp_path / out).exists()


def test_fitting_a_picture_writes_parameters_and_a_strip(networks, tmp_path, media):
    g, parser = checkpoints(tmp_path, networks)
    out = tmp_path / "fit.json"
    fit_image(media("one_face.jpg"), g, parser, out, torch.device("cpu"), steps=3)
    report = json.loads(out.read_text())
    assert len(report["parameters"]) == parameters.SIZE and "AU12.L" in report["signals"]
    assert cv2.imread(str(out.with_suffix(".png"))).shape == (64, 128, 3)
