import numpy as np
import pytest
import torch

from mien.core import alignment
from mien.core.errors import UserError
from mien.core.recognition import CROP, SIZE
from mien.training.checkpoint import write_checkpoint
from mien.training.lightcnn import LightCNN, load_lightcnn, recognition_crop, widened

# Every block in LightCNN_29Layers_V2_checkpoint.pth.tar: inputs, filters and how often; then the
# group behind it.
STAGES = ((48, 96, 1, 192), (96, 192, 2, 384), (192, 384, 3, 256), (128, 256, 4, 256))


def published():
    """Names in AlfredXiangWu/LightCNN's published file and their shapes, all of ``state_dict``."""
    filters = {"conv1": (96, 1, 5)}
    for i, (inside, both, depth, out) in enumerate(STAGES, 1):
        for k in range(depth):
            filters[f"block{i}.{k}.conv1"] = filters[f"block{i}.{k}.conv2"] = (both, inside, 3)
        filters[f"group{i}.conv_a"], filters[f"group{i}.conv"] = (both, inside, 1), (out, inside, 3)
    shapes = {"fc.weight": (256, 8192), "fc.bias": (256,), "fc2.weight": (80013, 256)}
    for name, (outside, inside, kernel) in filters.items():
        shapes[f"{name}.filter.weight"] = (outside, inside, kernel, kernel)
        shapes[f"{name}.filter.bias"] = (outside,)
    return {f"module.{name}": shape for name, shape in shapes.items()}


def test_a_file_with_the_published_names_and_shapes_is_loaded(tmp_path):
    shapes = published()
    assert len(shapes) == 61
    state = {name: torch.rand(shape) for name, shape in shapes.items() if "fc2" not in name}
    state["module.fc2.weight"] = torch.zeros(1, 1).expand(80013, 256)  # stored as one number
    path = tmp_path / "LightCNN_29Layers_V2_checkpoint.pth.tar"
    torch.save({"epoch": 80, "arch": "LightCNN", "state_dict": state, "prec1": 0.0}, path)
    network = load_lightcnn(path)
    loaded = network.state_dict()
    assert {f"module.{name}": tuple(tensor.shape) for name, tensor in loaded.items()} == {
        name: shape for name, shape in shapes.items() if "fc2" not in name
    }
    name = "block4.3.conv2.filter.weight"
    assert torch.equal(loaded[name], state[f"module.{name}"]) and not network.training
    del state[f"module.{name}"]
    torch.save({"state_dict": state}, path)
    with pytest.raises(UserError, match="no face recogniser"):
        load_lightcnn(path)


def test_a_checkpoint_is_loaded_in_its_own_width(tmp_path):
    network, path = LightCNN(0.27), tmp_path / "recognizer.pt"  # to the next sixteenth
    state = {**network.state_dict(), "fc2.weight": torch.zeros(5, 256)}
    write_checkpoint(path, {"network": state, "step": 1})
    again = load_lightcnn(path)
    assert again.config == {"width": 0.25}
    image = torch.rand(2, 1, SIZE, SIZE)
    with torch.no_grad():
        found = again(image)
    assert found.shape == (2, 256) and torch.equal(found, network.eval()(image).detach())


@pytest.mark.parametrize("width", [0.0625, 0.125, 0.1875])
def test_a_widened_network_says_the_same_and_learns_more(width):
    narrow, wide = LightCNN(0.0625), LightCNN(width)
    wide.load_state_dict(widened(narrow.state_dict(), wide))
    image = torch.rand(2, 1, SIZE, SIZE)
    expected, found = narrow(image).detach(), wide(image)
    assert float((found.detach() - expected).abs().max()) < 1e-5 < float(expected.std())
    found.sum().backward()
    first, second = wide.conv1.filter.bias.grad.chunk(2)  # what is repeated is not taught alike
    alike = [torch.allclose(x[:3], x[-3:]) for x in (first, second)]
    assert all(alike) if width == 0.0625 else not any(alike)


def test_no_network_becomes_narrower():
    with pytest.raises(ValueError, match="wider"):
        widened(LightCNN(0.125).state_dict(), LightCNN(0.0625))


def test_the_crop_has_eyes_and_mouth_where_the_published_weights_know_them():
    size = 256
    aligned = np.zeros((size, size, 3), np.float32)
    for x, y in alignment.TEMPLATE[[0, 1, 3, 4]] * size:
        aligned[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3] = 1
    image = torch.from_numpy(aligned).permute(2, 0, 1)[None].requires_grad_()
    crop = recognition_crop(image)
    assert crop.shape == (1, 1, SIZE, SIZE)
    rows = np.flatnonzero(crop.detach()[0, 0].amax(1) > 0.5)
    for there, part in ((40, rows[rows < 64]), (88, rows[rows > 64])):
        assert abs(part.mean() + 0.5 - there) < 1
    crop.sum().backward()
    assert image.grad[..., 100, 128].abs().sum() > 0  # what is seen can be learnt from
    assert CROP[2] == pytest.approx((0.74 - 0.40) / (48 / 128))
