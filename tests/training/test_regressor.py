import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional as F

from mien.core import models, parameters, sampling
from mien.core.errors import UserError
from mien.core.face_model import PATH, FaceModel
from mien.training import losses
from mien.training.bisenet import SIZE, BiSeNet
from mien.training.checkpoint import digest, read_checkpoint, read_network, write_checkpoint
from mien.training.data import load_pairs
from mien.training.export import export_folder
from mien.training.generator import Generator
from mien.training.lightcnn import recognition_crop
from mien.training.regressor import READS, Attention, ParserEyes, Regressor, load_reader
from mien.training.shipped import parser_of
from mien.training.task_parser import ParserTask
from mien.training.task_regressor import RegressorTask
from mien.training.train import Training


@pytest.fixture
def task(pairs_folder, frozen):
    return RegressorTask(load_pairs(pairs_folder), **frozen, width=32)


@pytest.fixture
def image(task):
    return task.batch(np.random.default_rng(0), np.arange(4))[0]


def test_eyes_tell_their_channels_wherever_they_are():
    eyes = ParserEyes(BiSeNet(0.125)).eval()
    here = eyes.channels()
    assert eyes.to("meta").channels() == here


def test_the_shipped_f_seg_is_known_again():
    """By its digest, whatever was drawn before: R and it are only exported together."""
    first = digest(parser_of(None))
    torch.rand(1)
    assert digest(parser_of(None)) == first


def test_small_faces_are_enlarged_for_f_seg():
    eyes, image = ParserEyes(BiSeNet(0.125)).eval(), torch.rand(1, 3, 64, 64)
    large = F.interpolate(image, (SIZE, SIZE), mode="bilinear")
    with torch.no_grad():
        (fused, t), (wanted, wanted_t) = eyes(image), eyes(large)
    assert torch.equal(fused, wanted)
    assert all(torch.equal(t[name], wanted_t[name]) for name in wanted_t)


@pytest.mark.parametrize("layout", ["full", "paper"])
def test_each_sub_network_reads_what_section_2_4_gives_it(layout):
    eyes = ParserEyes(BiSeNet(0.125)).eval()
    channels = eyes.channels()
    network = Regressor(channels, 32, layout).eval()
    fused, t = eyes(torch.rand(2, 3, 64, 64))
    maps = {"fused": fused, **t}
    assert {name: m.shape[1] for name, m in maps.items()} == channels

    def say(changed=None):
        given = {name: m + 1 if name == changed else m for name, m in maps.items()}
        with torch.no_grad():
            return network(given.pop("fused"), given)

    y = say()
    assert y.shape == (2, parameters.size(layout))
    for name in maps:
        moved = (say(name) != y).any(0)
        groups = {group for group in READS if moved[parameters.group(group)].any()}
        assert groups == {group for group, read in READS.items() if name in read}
        assert moved[parameters.PAPER_SIZE :].any() == (layout == "full" and "au" in groups)


def test_what_r_says_is_a_parameter_vector_near_the_neutral_one():
    eyes = ParserEyes(BiSeNet(0.125)).eval()
    network = Regressor(eyes.channels(), 32)
    with torch.no_grad():
        y = network(*eyes(torch.rand(4, 3, 64, 64))).numpy()
    brow = parameters.group("brow")
    assert np.allclose(y[:, brow].sum(1), 1, atol=1e-5)
    rest = np.delete(np.arange(parameters.SIZE), np.r_[brow])
    low = np.array([p.low for p in parameters.PARAMETERS])[rest]
    high = np.array([p.high for p in parameters.PARAMETERS])[rest]
    assert (y[:, rest] >= low).all() and (y[:, rest] <= high).all()
    assert np.abs(y[:, rest] - parameters.neutral()[rest]).mean() < 0.1


def test_what_r_says_has_a_slope_at_and_beyond_the_ends_of_a_range():
    """Most action units are at one of them, 0."""
    eyes = ParserEyes(BiSeNet(0.125)).eval()
    network = Regressor(eyes.channels(), 32)
    jaw = parameters.INDEX["AU26"]
    with torch.no_grad():
        seen = eyes(torch.rand(2, 3, 64, 64))
    last = network.parts["au"].fc[-1]
    for shift in (0, -3):
        last.bias.data += shift
        network.zero_grad()
        y = network(*seen)[:, jaw]
        y.sum().backward()
        assert last.bias.grad[jaw - parameters.group("au").start].abs() > 1e-3
        with torch.no_grad():
            assert (network(*seen)[:, jaw] >= 0).all()


def test_every_equation_teaches_r_and_nothing_else(task, image):
    network = task.network()
    assert list(task.equations(network, image, image)) == list(losses.WEIGHTS)
    for name in losses.WEIGHTS:
        network.zero_grad()
        task.equations(network, image, image)[name].backward()
        grown = [p.grad for p in network.parameters() if p.grad is not None]
        assert any(g.abs().sum() > 0 for g in grown), name
    judges = (task.generator, task.eyes, task.recognizer)
    assert all(p.grad is None for judge in judges for p in judge.parameters())


def test_each_equation_compares_what_the_paper_says(task, image):
    """Of an R that says something of every face, as a new one is nearly neutral."""
    torch.manual_seed(5)
    network = task.network().eval()
    for part in network.parts.values():
        torch.nn.init.normal_(part.fc[-1].bias, std=2)
    draw, see, plain = task.generator, task.eyes, image.flip(1)  # as no camera shows it
    with torch.no_grad():
        found = task.equations(network, image, plain)
        seen = see(image)
        y = network(*seen)
        calm, nobody = losses.emotionless(y), losses.nobody(y)
        face = torch.from_numpy(parameters.neutral()).float()[None]
        said = {name: network(*see(draw(v))) for name, v in (("calm", calm), ("nobody", nobody))}
        embedded = [task.recognizer(recognition_crop(picture)) for picture in (draw(calm), plain)]
        expected = {
            "ct": losses.l_ct(see(draw(y))[1], see(plain)[1]),
            "id": losses.l_id(*embedded),
            "pr": losses.l_pr(y),
            "lp": losses.l_lp(calm, said["calm"], nobody, said["nobody"]),
            "adv": losses.l_adv(see(draw(calm))[1]["mouth"], see(draw(face))[1]["mouth"]),
        }
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(float(value), rel=1e-4), name


@pytest.mark.skipif(not PATH.exists(), reason="face_model.npz is not built")
def test_r_begins_by_finding_again_what_g_draws(task, frozen, capsys):
    """Unless what it finds again is left out of its lessons."""
    model, rng = FaceModel(), np.random.default_rng(0)
    drawn = [sampling.studio(rng, model.sample_identity) for _ in range(16)]
    y = torch.from_numpy(np.float32(drawn))
    network = task.network()
    seen = task.eyes(task.generator(y))
    before = (network(*seen) - y).square().sum(1).mean()
    task.begin(network, 6)
    after = (network.eval()(*seen) - y).square().sum(1).mean()
    assert after < before and "of what G draws" in capsys.readouterr().out
    task = RegressorTask(task.pairs, **frozen, width=32, without=["lp"])
    same = digest(network)
    task.begin(network, 3)
    assert digest(network) == same


@pytest.mark.parametrize("given", [{"beginning": -0.1}, {"beginning": 1.5}, {"beta": -1.0}])
def test_shares_and_weights_that_cannot_be_are_refused(pairs_folder, frozen, given):
    with pytest.raises(UserError, match="give 0"):
        RegressorTask(load_pairs(pairs_folder), **frozen, **given)


def test_r_reads_what_g_draws_as_a_camera_shows_it(task):
    rng, faces = np.random.default_rng(0), torch.rand(8, 3, 1, 1).expand(8, 3, 64, 64)
    shown = task.shown(rng, faces)
    assert shown.shape == faces.shape and shown.min() >= 0 and shown.max() <= 1
    off = (shown - faces).abs().mean((1, 2, 3))
    assert off.max() > 0.05 and off.median() < 0.3


def test_what_is_squeezed_weighs_every_output():
    attention, x = Attention(12, 16), torch.rand(3, 12)
    open_gate = attention(x)
    attention.excite[-2].bias.data -= 50
    assert open_gate.abs().max() > 0.01 and attention(x).abs().max() < 1e-6


def test_who_it_is_is_asked_of_the_f_reg_that_ships(pairs_folder, frozen, image):
    given = {name: path for name, path in frozen.items() if name != "recognizer"}
    task = RegressorTask(load_pairs(pairs_folder), **given, width=32)
    crops = recognition_crop(image)
    (shipped,) = models.load("cpu").recognizer.run(["embedding"], {"image": crops.numpy()})
    with torch.no_grad():
        assert np.abs(task.recognizer(crops).numpy() - shipped).max() < 1e-4
    assert task.equations(task.network(), image, image)["id"].item() > 0
    task = RegressorTask(load_pairs(pairs_folder), **given, width=32, without=["id"])
    assert "id" not in task.equations(task.network(), image, image)


def test_the_statistics_of_r_are_those_of_real_pictures(task, image):
    network = task.network().train()
    task.loopback(network, torch.rand(4, parameters.SIZE), task.eyes(image))
    assert network.training
    assert all(bn.num_batches_tracked == 0 for bn in modules(network))
    task.loss(network, (image, image))
    assert all(bn.num_batches_tracked == 1 for bn in modules(network))


def modules(network):
    return [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]


def test_steps_lower_the_loss(task, image, tmp_path):
    training = Training(task, tmp_path, 1, torch.device("cpu"))
    found = [training.learn((image, image)) for _ in range(8)]
    assert found[-1] < found[0]
    saved = tmp_path / "regressor.pt"
    training.save()
    again = read_network(saved, Regressor)
    assert again.config == training.network.config and not again.training
    y = task.say(training.network.eval(), image)
    assert torch.equal(task.say(again, image), y)
    with pytest.raises(UserError, match="not a Generator"):
        read_network(saved, Generator)


def test_a_term_can_be_left_out(pairs_folder, frozen, image):
    task = RegressorTask(load_pairs(pairs_folder), **frozen, width=32, without=("ct", "lp"))
    assert set(task.equations(task.network(), image, image)) == {"id", "pr", "adv"}


@pytest.mark.skipif(not PATH.exists(), reason="face_model.npz is not built")
def test_faces_are_warped_as_often_as_asked_for(task, face_image, face_points):
    task.warped = 0.5
    rng, moved = np.random.default_rng(0), []
    for _ in range(12):
        image, points = task.varied(rng, face_image, face_points)
        moved.append(np.abs(points - face_points).max() > 1)
        assert (image != face_image).any() == moved[-1]
    assert 2 < sum(moved) < 10


def test_scores_and_picture_tell_what_r_says_of_held_out_faces(task):
    network = task.network().eval()
    _, held = task.pairs.split()
    scores = task.score(network, held)
    assert set(scores["equations"]) == set(losses.WEIGHTS) and "AU12" in scores["ICC(3,1)"]
    assert task.picture(network, held).shape == (6 * 256, 4 * 384, 3)


def test_r_goes_to_onnx_with_the_f_seg_that_it_reads(pairs_folder, frozen, tmp_path):
    pairs, cpu = load_pairs(pairs_folder, masks=True), torch.device("cpu")
    Training(ParserTask(pairs, 1 / 8), tmp_path, 1, cpu).save()
    given = {**frozen, "parser": tmp_path / "parser.pt", "width": 32}
    small = Training(RegressorTask(pairs, **given), tmp_path, 1, cpu)  # whose G draws 64 px
    small.save()
    with pytest.raises(UserError, match="--size 256"):
        load_reader(small.checkpoint, tmp_path / "parser.pt")
    given["generator"], generator = tmp_path / "generator.pt", Generator(256, 1)
    state = {"network": generator.state_dict(), "config": generator.config, "step": 0}
    write_checkpoint(given["generator"], state)
    training = Training(RegressorTask(pairs, **given), tmp_path, 1, cpu)
    training.save()
    state = read_checkpoint(tmp_path / "parser.pt")
    changed = {k: v + 1 if k == "cp.resnet.bn1.bias" else v for k, v in state["network"].items()}
    write_checkpoint(tmp_path / "other.pt", {**state, "network": changed})
    with pytest.raises(UserError, match="did not learn with"):  # though all sizes agree
        load_reader(training.checkpoint, tmp_path / "other.pt")
    export_folder(tmp_path, tmp_path / "weights")
    session = onnxruntime.InferenceSession(tmp_path / "weights/regressor.onnx")
    image = torch.rand(2, 3, 256, 256)
    image[1] *= 0.3
    with torch.no_grad():
        expected = training.network.eval()(*training.task.eyes(image)).numpy()
    (found,) = session.run(["parameters"], {"image": image.numpy()})
    assert np.abs(expected[0] - expected[1]).max() > 1e-3 > 100 * np.abs(found - expected).max()
