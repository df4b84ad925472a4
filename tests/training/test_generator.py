import numpy as np
import pytest
import torch
from torch import nn

from mien.core import alignment, parameters
from mien.core.errors import UserError
from mien.training.data import load_pairs
from mien.training.generator import SIZES, Generator
from mien.training.losses import l_app
from mien.training.perceptual import VGG16, load_vgg16
from mien.training.task_generator import BACKGROUND, GeneratorTask, aligned_face
from mien.training.train import Training


@pytest.mark.parametrize("size", SIZES)
def test_eight_transposed_convolutions_reach_every_size(size):
    network = Generator(size, 2, "paper")
    layers = [m for m in network.modules() if isinstance(m, nn.ConvTranspose2d)]
    norms = [m for m in network.modules() if isinstance(m, nn.InstanceNorm2d)]
    assert len(layers) == 8 and len(norms) == 7 and layers[0].in_channels == 269
    image = network(torch.rand(2, 269))
    assert image.shape == (2, 3, size, size) and 0 <= image.min() < image.max() <= 1


def test_the_papers_size_doubles_in_every_layer():
    strides = [m.stride[0] for m in Generator(512, 1).layers if isinstance(m, nn.ConvTranspose2d)]
    assert strides == [1] + 7 * [2]
    with pytest.raises(UserError, match="--size"):
        Generator(100)


def test_an_aligned_face_has_its_eyes_where_the_template_has_them(pairs_folder):
    pairs = load_pairs(pairs_folder)
    face = aligned_face(pairs.images[1], pairs.landmarks[1], 64)
    assert face.shape == (64, 64, 3) and (face[0, 0] == BACKGROUND).all()
    x, y = np.round(alignment.TEMPLATE[0] * 64).astype(int)
    skin = face[int(0.55 * 64), int(0.25 * 64)]
    assert face[y, x].mean() < 0.6 * skin.mean()


def test_g_learns_what_the_parameters_draw(pairs_folder, tmp_path):
    pairs = load_pairs(pairs_folder, vectors=True)
    task = GeneratorTask(pairs, size=32, width=4, layout="paper")
    training = Training(task, tmp_path, 1, torch.device("cpu"))
    batch = task.batch(np.random.default_rng(0), np.arange(8))
    losses = [training.learn(batch) for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.7 * losses[0]
    network = training.network.eval()
    error = task.score(network, np.arange(8))["MAE, % of the range"]
    # The score asks for no face without a style.
    y, rendered = task.batch(np.random.default_rng(0), np.arange(8), disturbed=False)
    assert error == pytest.approx(100 * float(l_app(network(y), rendered)), rel=1e-3)


def test_the_base_face_has_no_brow_style_and_draws_the_first(pairs_folder):
    pairs = load_pairs(pairs_folder, vectors=True)
    brow = parameters.group("brow")
    pairs.vectors[:, brow] = np.eye(36)[0]
    pairs.vectors[:40, brow] = np.eye(36)[5]
    y, _ = GeneratorTask(pairs, 32, 4).batch(np.random.default_rng(0), np.arange(80))
    plain = (y[:, brow] == 0.5).all(1)
    assert not plain[:40].any() and 0 < plain[40:].sum() < 40
    assert (y[40:, brow][~plain[40:]].argmax(1) == 0).all()


def test_a_frozen_trunk_judges_and_only_g_learns(pairs_folder, tmp_path):
    task = GeneratorTask(load_pairs(pairs_folder, vectors=True), 32, 2)
    batch = task.batch(np.random.default_rng(0), np.arange(4))
    network = task.network()
    judged = task.loss(network, batch)
    assert judged > l_app(network(batch[0]), batch[1])
    judged.backward()
    assert all(p.grad is not None for p in network.parameters())
    assert all(p.grad is None for p in task.trunk.parameters())


def test_vgg16_is_read_by_its_published_names(tmp_path):
    path, network = tmp_path / "vgg16.pth", VGG16()
    state = network.state_dict()
    assert list(state)[-1] == "features.21.bias" and state["features.21.weight"].shape[0] == 512
    torch.save({**state, "classifier.0.weight": torch.zeros(1)}, path)
    loaded = load_vgg16(path)
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        maps, again = network(image), loaded(image)
    assert [tuple(m.shape[1:]) for m in maps] == [(128, 16, 16), (256, 8, 8), (512, 4, 4)]
    assert all(torch.equal(a, b) and a.min() >= 0 for a, b in zip(maps, again, strict=True))
    torch.save({"conv.weight": torch.zeros(1)}, path)
    with pytest.raises(UserError, match="VGG16"):
        load_vgg16(path)
