"""Curves carry the take's numbers to the names that the character has."""

import dataclasses

import numpy as np
import pytest

from mien.core import rotation
from mien.core.mapping import Channel, GazeTarget, HeadTarget, Mapping, RigNames
from mien.core.retarget import retarget
from mien.core.take import Take

TIMES = np.array([0.0, 0.04, 0.1])


def take_of(**signals):
    values = {name.replace("_", "."): np.asarray(v, float) for name, v in signals.items()}
    return Take(np.arange(3), TIMES, np.ones(3), np.ones(3, bool), values)


def mapping_of(*channels, head=None, gaze=None):
    return Mapping("test", "Test", "", (), channels, head, gaze)


def matrix(axis, degrees):
    """(3, 3) right-handed rotation about an axis, written out, not by the code under test."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    out = np.eye(3)
    out[i, i] = out[j, j] = c
    out[i, j], out[j, i] = -s, s
    return out


def to_matrix(q):
    """(3, 3) of one unit quaternion by rotating the unit vectors."""
    conjugate = q * [1, -1, -1, -1]
    vectors = np.concatenate([np.zeros((3, 1)), np.eye(3)], axis=1)
    return rotation.multiply(rotation.multiply(q, vectors), conjugate)[:, 1:].T


def quaternions(result, bone):
    curves = [c for c in result.curves if c.target == bone]
    assert [c.axis for c in curves] == [0, 1, 2, 3]
    assert {c.property for c in curves} == {"rotation_quaternion"}
    return np.stack([c.values for c in curves], axis=1)


def test_weights_gain_offset_and_limits():
    channel = Channel(
        "shape_key", "open", {"AU26": 1.0, "AU25": -0.5}, gain=2, offset=0.1, low=0, high=1
    )
    take = take_of(AU26=[0, 0.3, 1], AU25=[0.4, 0.2, 0])
    (curve,) = retarget(take, mapping_of(channel), RigNames(shape_keys=("Open",))).curves
    assert (curve.kind, curve.target, curve.property) == ("shape_key", "Open", "value")
    np.testing.assert_allclose(curve.values, [0, 0.5, 1])
    np.testing.assert_allclose(curve.times, TIMES)


def test_what_finds_no_match_is_told():
    mapping = mapping_of(
        Channel("shape_key", "here", {"AU01": 1}),
        Channel("shape_key", "gone", {"AU01": 1}),
        Channel("bone", "here", {"AU01": 1}, "location", 1),
        Channel("shape_key", "still", {}),
        Channel("shape_key", "unmeasured", {"AU02.L": 1}),
        head=HeadTarget(("head",)),
    )
    rig = RigNames(shape_keys=("here", "still", "unmeasured"))
    result = retarget(take_of(AU01=[0, 1, 0]), mapping, rig)
    assert [c.target for c in result.curves] == ["here"]
    assert result.unmatched == ["gone", "here", "head"]
    assert result.silent == ["still", "unmeasured"]


def test_bones():
    mapping = mapping_of(
        Channel("bone", "lip", {"AU12.L": 0.01}, "location", 1),
        Channel("bone", "jaw", {"AU26": 30.0}, "rotation_euler", 0),
        Channel("bone", "eye", {"gaze.yaw": 1.0}, "rotation_quaternion", 1),
    )
    take = take_of(AU12_L=[0, 0.5, 1], AU26=[0, 0.5, 1], gaze_yaw=[0, 10, -20])
    result = retarget(take, mapping, RigNames(bones=("lip", "jaw", "eye")))
    by_name = {c.target: c for c in result.curves}
    lip, jaw = by_name["lip"], by_name["jaw"]
    assert [c.target for c in result.curves].count("lip") == 1
    assert (lip.property, lip.axis, lip.values[2]) == ("location", 1, 0.01)
    assert jaw.property == "rotation_euler" and jaw.values[2] == pytest.approx(np.radians(30))
    q = quaternions(result, "eye")
    np.testing.assert_allclose(to_matrix(q[2]), matrix(1, -20), atol=1e-12)


@pytest.mark.parametrize(
    ("angles", "where"),
    [
        # what one sees: the nose (z) or the crown (y) moves to x left, y up, z forward
        ((30, 0, 0), ("nose", 0, +1)),
        ((0, 20, 0), ("nose", 1, +1)),
        ((0, 0, 15), ("crown", 0, +1)),
    ],
)
def test_head_signs(angles, where):
    r = to_matrix(rotation.head(*np.array(angles, float)[:, None])[0])
    part, axis, sign = where
    moved = r @ ([0, 0, 1] if part == "nose" else [0, 1, 0])
    assert moved[axis] * sign > 0.2


def test_head_is_yaw_of_pitch_of_roll():
    r = to_matrix(rotation.head([40.0], [-25.0], [10.0])[0])
    np.testing.assert_allclose(r, matrix(1, 40) @ matrix(0, 25) @ matrix(2, -10), atol=1e-12)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_neck_and_head_together_make_the_whole_rotation_whatever_their_rest_axes(share):
    rng = np.random.default_rng(0)
    rest = {}
    for bone in ("neck", "head"):
        q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        rest[bone] = q * np.sign(np.linalg.det(q))
    angles = {"head_yaw": [0, 50, -30], "head_pitch": [0, -20, 30], "head_roll": [0, 10, -15]}
    mapping = mapping_of(head=HeadTarget(("head",), ("neck",), share))
    rig = RigNames(bones=("head", "neck"), bone_axes=rest)
    result = retarget(take_of(**angles), mapping, rig)
    neck, head = quaternions(result, "neck"), quaternions(result, "head")
    axes = rotation.CHARACTER_AXES
    for i in range(3):
        yaw, pitch, roll = (values[i] for values in angles.values())
        whole = axes @ matrix(1, yaw) @ matrix(0, -pitch) @ matrix(2, -roll) @ axes.T
        # what Blender does: a child's pose is its parent's, times its own rest and its own turn
        parent = rest["neck"] @ to_matrix(neck[i]) @ rest["neck"].T
        child = parent @ rest["head"] @ to_matrix(head[i]) @ rest["head"].T
        np.testing.assert_allclose(child, whole, atol=1e-9)
        angle = np.arccos((np.trace(parent) - 1) / 2) if i else 0
        whole_angle = np.arccos((np.trace(whole) - 1) / 2) if i else 0
        assert angle == pytest.approx(share * whole_angle, abs=1e-6)


def test_a_head_that_does_not_follow_its_neck_turns_all_the_way():
    mapping = mapping_of(head=HeadTarget(("head",), ("neck",), 0.5, inherits=False))
    rig = RigNames(bones=("head", "neck"))
    result = retarget(take_of(head_yaw=[0, 30, 60]), mapping, rig)
    for bone, degrees in (("head", 60), ("neck", 30)):
        turned = to_matrix(quaternions(result, bone)[2])
        np.testing.assert_allclose(turned, matrix(1, degrees), atol=1e-12)


def test_a_head_without_a_neck_turns_alone():
    mapping = mapping_of(head=HeadTarget(("skull", "head"), ("neck",)))
    result = retarget(take_of(head_yaw=[0, 30, 60]), mapping, RigNames(bones=("Head",)))
    np.testing.assert_allclose(to_matrix(quaternions(result, "Head")[2]), matrix(1, 60), atol=1e-12)
    assert result.unmatched == ["neck"]


def tilted(seed=1):
    """(3, 3) rest axes of a bone that points anywhere."""
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def vectors(result, bone, prop):
    """(N, 3) along the bone's axes, zero where it has no curve."""
    out = np.zeros((3, 3))
    for curve in result.curves:
        if (curve.target, curve.property) == (bone, prop):
            out[:, curve.axis] = curve.values
    return out


def test_the_characters_axes_hold_whatever_the_bones_rest_axes():
    channels = [
        Channel("bone", "lip", {"AU12.L": 0.5}, "location", 0, character=True, unit=("a", "b")),
        Channel("bone", "lip", {"AU12.L": 1.0}, "location", 1, character=True, unit=("a", "b")),
        Channel("bone", "jaw", {"AU26": 20.0}, "rotation_quaternion", 0, character=True),
    ]
    rest = tilted()
    rig = RigNames(
        bones=("lip", "jaw"),
        bone_axes={"lip": rest, "jaw": rest},
        bone_heads={"a": np.zeros(3), "b": np.array([0, 0, 0.2])},
    )
    take = take_of(AU12_L=[0, 0.5, 1], AU26=[0, 0.5, 1])
    result = retarget(take, mapping_of(*channels), rig)
    # Blender: left is +X, up is +Z, the face looks along -Y
    moved = vectors(result, "lip", "location")[2] @ rest.T
    np.testing.assert_allclose(moved, [0.1, 0, 0.2], atol=1e-12)
    turned = rest @ to_matrix(quaternions(result, "jaw")[2]) @ rest.T
    assert (turned @ [0, -1, 0])[2] == pytest.approx(-np.sin(np.radians(20)))  # the chin drops
    level = RigNames(bones=("lip", "jaw"), bone_heads=rig.bone_heads)
    still = retarget(take_of(AU12_L=[0, 0, 0]), mapping_of(*channels), level)
    assert [c.axis for c in still.curves] == [0, 1]  # at rest is keyed too, unused axes are not
    lost = retarget(take, mapping_of(*channels), RigNames(bones=("lip", "jaw")))
    assert lost.unmatched == ["a", "b"]  # without these nobody knows how far to move it
    spelt = RigNames(bones=("lip", "jaw"), bone_heads={"A": np.zeros(3), "B": np.array([0, 0, 2])})
    assert not retarget(take, mapping_of(*channels), spelt).unmatched


def test_a_unit_of_one_bone_moves_nothing():
    channel = Channel("bone", "lip", {"AU26": 1}, "location", 0, unit=("a", "a"))
    rig = RigNames(bones=("lip",), bone_heads={"a": np.ones(3)})
    (curve,) = retarget(take_of(AU26=[0, 0.5, 1]), mapping_of(channel), rig).curves
    assert not curve.values.any()


def test_what_moves_one_key_from_two_sides_moves_it_as_far_as_the_stronger():
    """A model without winks blinks with whichever lid closes more."""
    channels = [
        Channel("shape_key", "wink_L", {"AU43.L": 1}, aliases=("blink",)),
        Channel("shape_key", "wink_R", {"AU43.R": 1}, aliases=("blink",)),
        Channel("bone", "jaw", {"AU26": 20}, "rotation_euler", 0),
        Channel("bone", "jaw", {"AU17": -10}, "rotation_euler", 0),
    ]
    take = take_of(AU43_L=[0, 1, 0.2], AU43_R=[0, 0.1, 0.3], AU26=[0, 1, 0.1], AU17=[0, 0.5, 1])
    blink, jaw = retarget(
        take, mapping_of(*channels), RigNames(shape_keys=("blink",), bones=("jaw",))
    ).curves
    np.testing.assert_allclose(blink.values, [0, 1, 0.3])
    np.testing.assert_allclose(np.degrees(jaw.values), [0, 20, -10])


def test_a_gaze_target_lies_where_the_eyes_look():
    rest = tilted()
    rig = RigNames(
        bones=("look", "eye"),
        bone_axes={"look": rest},
        bone_heads={"look": np.array([0, -0.5, 1.7]), "eye": np.array([0.03, -0.1, 1.7])},
    )
    mapping = mapping_of(gaze=GazeTarget("look", "eye"))
    take = take_of(gaze_yaw=[0, 30, 10], gaze_pitch=[0, 0, -20])
    moved = vectors(retarget(take, mapping, rig), "look", "location") @ rest.T
    np.testing.assert_allclose(moved[1], [0.4 * np.tan(np.pi / 6), 0, 0], atol=1e-12)
    sight = moved[2] + [0, -0.4, 0]
    pitch = np.arctan2(sight[2], np.hypot(sight[0], sight[1]))
    assert np.degrees(pitch) == pytest.approx(-20)
    assert np.degrees(np.arctan2(sight[0], -sight[1])) == pytest.approx(10)
    free = dataclasses.replace(rig, location_axes={"look": np.eye(3)})
    loose = vectors(retarget(take, mapping, free), "look", "location")
    np.testing.assert_allclose(loose, moved, atol=1e-12)
    assert retarget(take, mapping, RigNames(bones=("eye",))).unmatched == ["look"]
    assert retarget(take_of(AU01=[0, 0, 0]), mapping, rig).silent == ["look"]


def test_aliases_and_sliders():
    """Any of a target's names is taken, and a property goes before the shape key it drives."""
    channel = Channel("shape_key", "jawOpen", {"AU26": 1}, aliases=("mouthOpen",))
    take, mapping = take_of(AU26=[0, 0.5, 1]), mapping_of(channel)
    both = RigNames(shape_keys=("Mouth_Open",), properties=("mouthOpen",))
    (curve,) = retarget(take, mapping, both).curves
    assert (curve.kind, curve.target) == ("property", "mouthOpen")
    (curve,) = retarget(take, mapping, RigNames(shape_keys=("mouthOpen", "JawOpen"))).curves
    assert (curve.kind, curve.target) == ("shape_key", "JawOpen")
