import io
import math
import tarfile

import cv2
import numpy as np
import onnxruntime
import pytest
import torch

from mien.core import alignment, parsing
from mien.core.errors import UserError
from mien.core.face_classes import INDEX
from mien.training.bisenet import BiSeNet, enlarged_at, load_bisenet
from mien.training.data import load_pairs
from mien.training.export import export_folder
from mien.training.task_parser import (
    SIZE,
    ParserTask,
    class_overlap,
    drawn,
    hard_pixels,
    missed_overlap,
    rarity,
    rendered,
)
from mien.training.train import WARM_UP, Training, train

WIDTH = 1 / 8


@pytest.fixture(scope="module")
def task(pairs_folder):
    return ParserTask(load_pairs(pairs_folder, masks=True), WIDTH)


def test_only_hard_pixels_count_and_never_too_few():
    truth = torch.zeros(1, 128, dtype=torch.long)
    logits = torch.zeros(1, 2, 128)
    logits[:, 0] = 10  # sure, and right
    logits[0, 0, :4], logits[0, 0, 4] = 0.0, -3.0  # fewer than a 16th are unsure
    each = torch.nn.functional.cross_entropy(logits, truth, reduction="none").flatten()
    assert math.isclose(hard_pixels(logits, truth), each.topk(8).values.mean(), rel_tol=1e-5)
    logits[0, 0, 16:48] = 0.5  # not sure enough: 37 hard pixels
    each = torch.nn.functional.cross_entropy(logits, truth, reduction="none").flatten()
    assert math.isclose(hard_pixels(logits, truth), each.topk(37).values.mean(), rel_tol=1e-5)


def test_pixels_of_rare_classes_are_asked_for_rather():
    masks = torch.zeros(2, 8, 16, dtype=torch.long)
    masks[:, 2] = 1
    weight = rarity(masks.byte().numpy())
    assert weight[1] == pytest.approx(7 ** (1 / 3) * weight[0])  # an 8th of the pixels
    assert (7 * weight[0] + weight[1]) / 8 == pytest.approx(1) and (weight[2:] > weight[1]).all()
    torch.manual_seed(0)
    places, classes, stands_for = drawn(masks, weight, 20000)
    x, y = places[..., 0] * 15, places[..., 1] * 7
    assert torch.equal(classes, (y.round() == 2).long())
    assert (x - x.round()).abs().max() < 1e-5 and {*x.round().flatten().tolist()} == {*range(16)}
    assert classes.double().mean() == pytest.approx(float(weight[1]) / 8, rel=0.03)
    assert (stands_for * classes).mean() == pytest.approx(1 / 8, rel=0.03)


@pytest.mark.parametrize("fine", [False, True])
def test_a_drawn_pixel_is_answered_as_in_the_whole_picture(fine):
    torch.manual_seed(0)
    network, image = BiSeNet(WIDTH, fine).eval(), torch.rand(2, 3, 64, 96)
    row, column = torch.randint(64, (2, 50)), torch.randint(96, (2, 50))
    with torch.no_grad():
        whole, heads = network(image), network.heads(image)
    expected = whole[torch.arange(2)[:, None], :, row, column].transpose(1, 2)
    places = torch.stack((column / 95, row / 63), -1)
    assert torch.allclose(enlarged_at(heads[0], places), expected, atol=1e-5)


def test_missed_overlap_is_that_of_all_pixels_whichever_were_drawn():
    torch.manual_seed(0)
    truth = torch.zeros(2, 8, 16, dtype=torch.long)
    truth[0, 0], truth[1, :4] = 1, 1  # in one picture rare, in the other not
    found = truth.clone()
    found[0, 0, 8:], found[1, 4:6] = 0, 1
    overlap = class_overlap(truth.byte().numpy(), found.byte().numpy())
    expected = 1 - (overlap["background"] + overlap["skin"]) / 2
    weight = torch.ones(19)
    weight[1] = 3.0
    places, classes, stands_for = drawn(truth, weight, 50000)
    column, row = (places * torch.tensor([15, 7])).round().long().unbind(-1)
    said = found[torch.arange(2)[:, None], row, column]
    sure = 50.0 * torch.nn.functional.one_hot(said, 19).transpose(1, 2).float()
    assert missed_overlap(sure, classes, stands_for) == pytest.approx(expected, abs=0.01)
    alike = torch.ones_like(stands_for)
    assert missed_overlap(sure, classes, alike) != pytest.approx(expected, abs=0.03)
    # A class that is nowhere and that nobody says is no number to learn from.
    sure = (4 * sure).requires_grad_()
    missed_overlap(sure, classes, stands_for).backward()
    assert sure.grad.isfinite().all()


def test_overlap_is_of_the_classes_that_are_there():
    truth = np.array([[0, 0, 1, 1], [10, 10, 18, 18]], np.uint8)
    found = np.array([[0, 1, 1, 1], [10, 17, 18, 18]], np.uint8)
    overlap = class_overlap(truth, found)
    assert overlap == {"background": 1 / 2, "skin": 2 / 3, "nose": 1 / 2, "hat": 1}


def test_a_clean_crop_is_aligned_and_its_background_is_another(task):
    seen = [task.crop(np.random.default_rng(seed), 3, disturbed=False) for seed in (1, 2)]
    (one, classes, *_), (two, again, *_) = seen
    assert one.shape == (SIZE, SIZE, 3) and (classes == again).all()
    for eye, name in enumerate(("r_eye", "l_eye")):
        rows, columns = np.nonzero(classes == INDEX[name])
        place = np.array([columns.mean(), rows.mean()]) / SIZE
        assert np.abs(place - alignment.TEMPLATE[eye]).max() < 0.04
    differ = (one.astype(int) != two).any(-1)
    assert differ[classes == 0].mean() > 0.9 and differ[classes == INDEX["skin"]].mean() < 0.05


def test_larger_renders_say_more_exactly_where_a_class_ends(task, pairs_folder, tmp_path):
    """Of the same face, twice as large, the same crop, judged at four times as many pixels."""

    def enlarged(name: str, data: bytes) -> bytes:
        if name.endswith(".png"):
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
            large = cv2.resize(image, None, None, 2, 2, cv2.INTER_NEAREST_EXACT)
            return cv2.imencode(".png", large)[1].tobytes()
        if name.endswith("landmarks.npy"):
            buffer = io.BytesIO()
            np.save(buffer, np.load(io.BytesIO(data)) * np.float32([2, 2, 1]))
            return buffer.getvalue()
        return data

    shard = "pairs-00000.tar"
    with tarfile.open(pairs_folder / shard) as small, tarfile.open(tmp_path / shard, "w") as large:
        for member in small.getmembers():
            file = small.extractfile(member)
            assert file is not None
            data = enlarged(member.name, file.read())
            info = tarfile.TarInfo(member.name)
            info.size = len(data)
            large.addfile(info, io.BytesIO(data))
    fine = ParserTask(load_pairs(tmp_path, masks=True), 1 / 8)
    assert fine.pairs.images[3].shape == (512, 512, 4) and fine.pairs.masks[3].shape == (512, 512)
    one, two = (t.crop(np.random.default_rng(1), 3, disturbed=False) for t in (task, fine))
    assert (one.classes == two.classes).mean() > 0.99
    assert len(rendered(two)[1]) == pytest.approx(4 * len(rendered(one)[1]), rel=0.02)
    assert torch.allclose(fine.weight, task.weight, rtol=1e-3)


def test_judged_are_the_pixels_that_were_rendered(task):
    for disturbed in (False, True):
        crop = task.crop(np.random.default_rng(2), 3, disturbed)
        places, classes = rendered(crop)
        whole = alignment.transform(alignment.inverse(crop.matrix), places[0].numpy() * (SIZE - 1))
        assert np.abs(whole - whole.round()).max() < 1e-3
        assert len({*map(tuple, whole.round().tolist())}) == len(classes) > 3000
        assert {*np.unique(classes)} == {*np.unique(crop.classes)}
        if not disturbed:
            column, row = whole.round().astype(int).T
            assert (task.pairs.masks[3][row, column] == classes).mean() > 0.999


def test_what_covers_the_face_is_background(task, monkeypatch):
    def crops():
        return [task.crop(np.random.default_rng(seed), 3, True).classes for seed in range(12)]

    monkeypatch.setattr("mien.training.task_parser.COVERED", 1.0)
    middle = slice(200, 312)
    holes = sum(((m == 0)[middle, middle]).mean() > 0.02 for m in crops())
    monkeypatch.setattr("mien.training.task_parser.COVERED", 0.0)
    assert holes > sum(((m == 0)[middle, middle]).mean() > 0.02 for m in crops())


def test_steps_on_one_batch_lower_the_loss(task, tmp_path):
    training = Training(task, tmp_path, 1, torch.device("cpu"))
    training.step = WARM_UP  # at the full rate at once
    batch = task.batch(np.random.default_rng(0), np.arange(2), disturbed=False)
    losses = [training.learn(batch) for _ in range(8)]
    assert min(losses[-3:]) < 0.9 * losses[0]


def test_a_taught_parser_is_exported_as_it_is(pairs_folder, tmp_path):
    options = {"width": WIDTH, "batch": 4}
    report = train("parser", [pairs_folder], tmp_path, 0.02, "cpu", **options)
    assert report["steps"] > 0 and 0 <= report["scores"]["clean: mean IoU"] <= 1
    assert (tmp_path / "parser.png").stat().st_size > 1000
    network = load_bisenet(tmp_path / "parser.pt")
    export_folder(tmp_path, tmp_path / "weights")
    session = onnxruntime.InferenceSession(tmp_path / "weights/parser.onnx")
    image = torch.rand(2, 3, parsing.SIZE, parsing.SIZE)
    with torch.no_grad():
        expected = network(image).numpy()
    found = session.run(["logits"], {"image": image.numpy()})[0]
    assert np.abs(found - expected).max() < 1e-4 * max(1, np.abs(expected).max())
    with pytest.raises(UserError, match="other options"):
        train("parser", [pairs_folder], tmp_path, 0.04, "cpu", resume=True, width=2 * WIDTH)
    with pytest.raises(UserError, match="--batch 2"):
        train("parser", [pairs_folder], tmp_path, 0.04, "cpu", batch=1)
