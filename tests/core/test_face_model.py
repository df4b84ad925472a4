"""The face model: what the sliders do to the face, seen in its landmarks."""

import numpy as np
import pytest

from mien.core import parameters, sampling
from mien.core.face_model import PATH, FaceModel, half_rotation, head_rotation

pytestmark = pytest.mark.skipif(not PATH.exists(), reason="face_model.npz is not built")


@pytest.fixture(scope="module")
def model():
    return FaceModel()


@pytest.fixture(scope="module")
def person(model):
    return model.person(np.r_[np.full(208, 0.5), np.eye(36)[9]])


def points(model, person, **sliders):
    values = {name.replace("_", "."): v for name, v in sliders.items()}
    return model.landmarks(model.pose(person, values), person)


def opening(p, eye):
    return np.linalg.norm(p[[eye + 1, eye + 2]] - p[[eye + 5, eye + 4]], axis=1).mean()


def test_blink_closes_one_eye_alone(model, person):
    rest, wink = points(model, person), points(model, person, AU43_L=1.0)
    # Landmarks of the lids lie on their outer edges, which stay a lid thickness apart.
    assert opening(wink, 42) < 0.35 * opening(rest, 42)  # iBUG 42-47 is the subject's left
    assert opening(wink, 36) > 0.98 * opening(rest, 36)


def clearance(model, vertices, part):
    """(V,) how far vertices are outside an eyeball, whose radius is looked up by direction."""
    data = model.data
    ball = vertices[np.unique(data["faces"][data["face_part"] == model.parts.index(part)])]
    spokes, d = ball - ball.mean(0), vertices - ball.mean(0)
    radius = np.linalg.norm(spokes, axis=1)
    nearest = (d @ (spokes / radius[:, None]).T).argmax(1)
    return np.where(d[:, 2] > 0.004, np.linalg.norm(d, axis=1) - radius[nearest], np.inf)


def lids(model, side):
    """Rows of the lids of one eye that can be seen."""
    bones = [
        i for i, b in enumerate(model.bones) if b.startswith(("lid.T." + side, "lid.B." + side))
    ]
    return np.nonzero((model.data["weights"][:, bones].sum(1) > 0.5) & ~model.data["lining"])[0]


def test_lids_never_enter_the_eyeball(model, person):
    skin = model.data["faces"][model.data["face_part"] == 0]
    for part in ("eye_l", "eye_r"):
        rows = np.intersect1d(lids(model, part[-1].upper()), skin)
        for degree in (0.25, 0.5, 0.75, 1.0):
            v = model.pose(person, {"AU43.L": degree, "AU43.R": degree})
            # The rim of the lid rests on the ball.
            assert clearance(model, v, part)[rows].min() > -0.0012, degree


def test_smile_pulls_corners_up_and_out(model, person):
    rest, smile = points(model, person), points(model, person, AU12_L=1.0, AU12_R=1.0)
    assert smile[54, 1] > rest[54, 1] + 0.003 and smile[54, 0] > rest[54, 0] + 0.003
    assert smile[48, 1] > rest[48, 1] + 0.003 and smile[48, 0] < rest[48, 0] - 0.003


def test_a_smile_whose_lips_part_bares_the_teeth_between_two_arcs(model, person):
    rest, grin = points(model, person), points(model, person, AU12_L=1.0, AU12_R=1.0, AU25=1.0)
    lips = grin[60:68, 1]
    right, middle, left = lips[1:4] - lips[[7, 6, 5]]
    assert middle > max(right, left)  # the lower one hangs through
    # In grins of real clips the upper one's middle is 2 mm below what is beside it, not more.
    assert lips[2] > max(lips[1], lips[3]) - 0.002
    parted = points(model, person, AU25=1.0)[60:68, 1]
    assert middle > 1.6 * (parted[2] - parted[6])
    # In grins of real clips the upper lip beside the corners goes out half as far as they do or
    # more, and up as far, and the lower lip sinks below where it rests.
    moved = grin - rest
    assert moved[53, 0] > 0.5 * moved[54, 0] and moved[53, 1] > 0.9 * moved[54, 1]
    assert moved[57, 1] < -0.002


def test_what_parts_lips_is_told_apart_by_what_moves_with_it(model, person):
    rest = points(model, person)
    raised, lowered, parted = (
        points(model, person, **given) - rest
        for given in ({"AU10_L": 1.0, "AU10_R": 1.0}, {"AU16": 1.0}, {"AU25": 1.0})
    )
    assert raised[35, 1] > 0.002 and abs(raised[57, 1]) < 0.001  # the nostril, no lower lip
    assert lowered[57, 1] < -0.004 and lowered[54, 0] > 0.001  # and the corners, no upper lip
    assert abs(lowered[51, 1]) < 0.001
    assert min(parted[62, 1], -parted[66, 1]) > 0.002  # both lips, and corners stay
    assert np.abs(parted[[48, 54]]).max() < 0.0005


@pytest.mark.parametrize("au", ["AU06", "AU09", "AU15"])
def test_weak_units_are_plain(model, person, au):
    rest = model.pose(person, {})
    moved = np.linalg.norm(model.pose(person, {f"{au}.L": 1.0, f"{au}.R": 1.0}) - rest, axis=1)
    assert np.sort(moved)[-50:].mean() > 0.003


def test_jaw_goes_to_its_side(model, person):
    rest = points(model, person)
    assert points(model, person, AU30_L=1.0)[8, 0] > rest[8, 0] + 0.004
    assert points(model, person, AU30_R=1.0)[8, 0] < rest[8, 0] - 0.004


def test_signs_of_the_head():
    forward = np.array([0.0, 0, 1])
    assert (head_rotation(30, 0) @ forward)[0] > 0.4  # to the subject's left
    assert (head_rotation(0, 30) @ forward)[1] > 0.4  # looks up
    assert (head_rotation(0, 0, 30) @ np.array([0.0, 1, 0]))[0] > 0.4  # to the left shoulder


def test_half_of_a_rotation_twice_is_whole():
    whole = head_rotation(50, -30, 20)
    half = half_rotation(whole)
    assert np.allclose(half @ half, whole)


def test_paired_sliders_are_mirror_images(model, person):
    left, right = points(model, person, AU12_L=1.0), points(model, person, AU12_R=1.0)
    corner = right[48] * (-1, 1, 1)
    assert np.allclose(left[54], corner, atol=0.001)


def test_sampled_people_have_faces(model):
    rng = np.random.default_rng(3)
    for _ in range(30):
        someone = model.person(model.sample_identity(rng))
        p = model.landmarks(someone.rest, someone)
        eyes, mouth, chin = p[36:48].mean(0), p[48:68].mean(0), p[8]
        assert eyes[1] > mouth[1] > chin[1]
        assert 0.040 < p[42:48, 0].mean() - p[36:42, 0].mean() < 0.085
        assert opening(p, 36) > 0.003


def test_nothing_tears_when_the_head_turns(model, person):
    """Every vertex of the face goes along, also those that nobody sees."""
    faces, _ = model.faces(person.brow_style)

    def longest(vertices):
        corners = vertices[faces]
        return np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(1)

    rest = dict.fromkeys(model.sliders, 0.0)
    still = longest(model.pose(person, rest))
    turned = longest(model.pose(person, rest, head_rotation(60, 20)))
    above = model.pose(person, rest)[faces][..., 1].min(1) > 0.66  # below, the neck twists
    assert (turned[above] < 1.5 * still[above] + 0.001).all()


def test_lids_close_without_swelling(model, person):
    """Closing both eyes at once moves the lids no further forward than closing one."""
    one, both = (
        model.pose(person, dict.fromkeys(model.sliders, 0.0) | dict.fromkeys(names, 1.0))
        for names in (["AU43.L"], ["AU43.L", "AU43.R"])
    )
    assert np.abs(both - one)[lids(model, "L")].max() < 0.0005


def test_a_raised_chin_keeps_the_lips_together_while_the_jaw_drops(model, person):
    def heights(**sliders):
        """(upper lip, lower lip, chin) along y, m."""
        p = points(model, person, **sliders)
        return p[61:64, 1].mean(), p[65:68, 1].mean(), p[8, 1]

    rest, dropped, sealed = heights(), heights(AU26=0.5), heights(AU26=0.5, AU17=1.0)
    assert dropped[0] - dropped[1] > 0.005  # by itself it parts them
    assert sealed[0] - sealed[1] < rest[0] - rest[1]
    assert sealed[2] == pytest.approx(dropped[2], abs=0.0005) and sealed[2] < rest[2] - 0.005


def test_same_seed_same_vector(model):
    a, b = (
        sampling.vector(np.random.default_rng(5), model.sample_identity(np.random.default_rng(1)))
        for _ in range(2)
    )
    assert (a == b).all() and a.shape == (parameters.SIZE,)


def test_clashing_units_never_come_together():
    rng = np.random.default_rng(0)
    for _ in range(500):
        a = sampling.action_units(rng)
        assert not any(x in a and y in a for x, y in sampling.CLASHES)
