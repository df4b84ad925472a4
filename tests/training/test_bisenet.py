import numpy as np
import pytest
import torch

from mien.core import models
from mien.core.errors import UserError
from mien.core.face_classes import INDEX
from mien.training.bisenet import REGIONS, BiSeNet, load_bisenet, region_attention
from mien.training.checkpoint import write_checkpoint
from mien.training.networks import example
from mien.training.shipped import parser_of


def norm(name, width):
    """Names and shapes of a batch normalisation."""
    tensors = ("weight", "bias", "running_mean", "running_var")
    return {**{f"{name}.{t}": (width,) for t in tensors}, f"{name}.num_batches_tracked": ()}


def conv_bn(name, outside, inside, kernel):
    return {
        f"{name}.conv.weight": (outside, inside, kernel, kernel),
        **norm(f"{name}.bn", outside),
    }


def published():
    """Every name in 79999_iter.pth of zllrunning/face-parsing.PyTorch, and its shape."""
    out = {"cp.resnet.conv1.weight": (64, 3, 7, 7), **norm("cp.resnet.bn1", 64)}
    inside = 64
    for layer, width in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            at = f"cp.resnet.layer{layer}.{block}"
            out[f"{at}.conv1.weight"] = (width, inside, 3, 3)
            out[f"{at}.conv2.weight"] = (width, width, 3, 3)
            out |= norm(f"{at}.bn1", width) | norm(f"{at}.bn2", width)
            if inside != width:
                out[f"{at}.downsample.0.weight"] = (width, inside, 1, 1)
                out |= norm(f"{at}.downsample.1", width)
            inside = width
    for name, width in (("16", 256), ("32", 512)):
        out |= conv_bn(f"cp.arm{name}.conv", 128, width, 3)
        out[f"cp.arm{name}.conv_atten.weight"] = (128, 128, 1, 1)
        out |= norm(f"cp.arm{name}.bn_atten", 128)
        out |= conv_bn(f"cp.conv_head{name}", 128, 128, 3)
        out |= conv_bn(f"conv_out{name}.conv", 64, 128, 3)
        out[f"conv_out{name}.conv_out.weight"] = (19, 64, 1, 1)
    out |= conv_bn("cp.conv_avg", 128, 512, 1) | conv_bn("ffm.convblk", 256, 256, 1)
    out |= {"ffm.conv1.weight": (64, 256, 1, 1), "ffm.conv2.weight": (256, 64, 1, 1)}
    return (
        out | conv_bn("conv_out.conv", 256, 256, 3) | {"conv_out.conv_out.weight": (19, 256, 1, 1)}
    )


def test_a_file_with_the_published_names_and_shapes_is_loaded(tmp_path):
    shapes, rng = published(), torch.Generator().manual_seed(0)
    assert len(shapes) == 191
    state = {name: torch.rand(shape, generator=rng) for name, shape in shapes.items()}
    torch.save(state, tmp_path / "79999_iter.pth")
    network = load_bisenet(tmp_path / "79999_iter.pth")
    loaded = network.state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in loaded.items()} == shapes
    name = "cp.resnet.layer4.0.downsample.0.weight"
    assert torch.equal(loaded[name], state[name]) and not network.training
    del state[name]
    torch.save(state, tmp_path / "79999_iter.pth")
    with pytest.raises(UserError, match="no face parser"):
        load_bisenet(tmp_path / "79999_iter.pth")


def test_the_features_have_the_sizes_of_their_stages():
    network = BiSeNet(0.25).eval()
    image = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        seen, logits, heads = network.features(image), network(image), network.heads(image)
    assert seen.fused.shape == (2, 64, 8, 12)
    assert [tuple(c.shape) for c in seen.stages] == [(2, 32, 8, 12), (2, 64, 4, 6), (2, 128, 2, 3)]
    assert torch.allclose(seen.probabilities.sum(1), torch.ones(2, 8, 12), atol=1e-5)
    assert logits.shape == (2, 19, 64, 96)
    assert [tuple(h.shape) for h in heads] == [(2, 19, 8, 12), (2, 19, 8, 12), (2, 19, 4, 6)]
    assert torch.equal(heads[0].softmax(1), seen.probabilities)


def test_a_new_fine_one_says_what_its_8_px_cells_say():
    torch.manual_seed(0)
    fine, image = BiSeNet(0.125, fine=True).eval(), torch.rand(1, 3, 64, 96)
    published = BiSeNet(0.125).eval()
    published.load_state_dict({k: v for k, v in fine.state_dict().items() if "fine" not in k})
    with torch.no_grad():
        heads, coarse = fine.heads(image), published.heads(image)
        assert [tuple(h.shape[1:]) for h in heads[:2]] == [(19, 32, 48), (19, 8, 12)]
        assert all(map(torch.equal, heads[1:], coarse))
        assert torch.equal(fine.features(image).probabilities, heads[1].softmax(1))
        assert (fine(image) - published(image)).abs().max() < 0.5 * published(image).std()


def test_a_fine_one_learns_what_is_thinner_than_8_px():
    """A line, 2 px wide, that nothing else tells of than itself."""

    def overlap(fine: bool) -> float:
        torch.manual_seed(0)
        network = BiSeNet(0.125, fine)
        optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
        for _ in range(120):
            truth = torch.zeros(8, 64, 64, dtype=torch.long)
            for mask, x in zip(truth, torch.randint(62, (8,)).tolist(), strict=True):
                mask[:, x : x + 2] = INDEX["ear_r"]
            image = (truth > 0).float()[:, None].expand(-1, 3, -1, -1)
            logits = network(image)
            loss = torch.nn.functional.cross_entropy(logits, truth)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        found, there = logits.argmax(1) > 0, truth > 0
        return float((found & there).sum() / (found | there).sum())

    assert overlap(True) > 0.8 > overlap(False) + 0.2


def test_without_a_checkpoint_the_shipped_one_parses():
    image = example("parser")["image"][:1]
    with torch.no_grad():
        found = parser_of(None)(image).numpy()
    (expected,) = models.load("cpu").parser.run(["logits"], {"image": image.numpy()})
    assert np.abs(found - expected).max() < 1e-3 * np.abs(expected).max()


def test_a_region_sees_its_stage_where_its_classes_are():
    probabilities = torch.zeros(1, 19, 8, 8)
    probabilities[:, INDEX["background"]] = 1
    for name, rows in (("l_brow", 0), ("r_brow", 1), ("u_lip", 4), ("l_lip", 5), ("nose", 3)):
        probabilities[:, :, rows] = 0
        probabilities[:, INDEX[name], rows, 2:6] = 1
    stages = [torch.full((1, 4 * n, 8 // n, 8 // n), float(n)) for n in (1, 2, 4)]
    beta = dict.fromkeys(REGIONS, 1.0) | {"mouth": 3.0}
    t = region_attention(probabilities, stages, beta)
    assert t["brows"].shape == (1, 4, 8, 8) and t["eyes"].abs().sum() == 0
    assert (t["brows"][0, :, :2, 2:6] == 1).all() and t["brows"].sum() == 4 * 8
    # Both lips fill two of four cells of the second stage; the nose half of two.
    assert (t["mouth"][0, :, 2, 1:3] == 3 * 2).all() and t["mouth"].sum() == 8 * 2 * 6
    assert (t["nose"][0, :, 1, 1:3] == 0.5 * 2).all()
    # The silhouette: 20 cells of 8 x 8 pixels, averaged to 2 x 2, of 16 channels with value 4.
    assert t["face"].shape == (1, 16, 2, 2) and t["face"].sum() == 20 / 16 * 4 * 16


def test_a_checkpoint_is_loaded_in_its_own_width(tmp_path):
    path = tmp_path / "parser.pt"
    for width, whole in ((0.125, 8), (0.3, 19), (0.0, 1)):
        network = BiSeNet(width)
        write_checkpoint(path, {"network": network.state_dict(), "step": 1})
        assert load_bisenet(path).config == {"width": whole / 64, "fine": False}
    fine = BiSeNet(0.125, fine=True)
    write_checkpoint(path, {"network": fine.state_dict(), "step": 1})
    assert load_bisenet(path).config == fine.config == {"width": 0.125, "fine": True}
    path.write_bytes(b"no")
    with pytest.raises(UserError, match="no network"):
        load_bisenet(path)
