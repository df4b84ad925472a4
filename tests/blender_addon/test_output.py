"""Where keys go and how many there are; what is not keyed stays, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
import pytest
from action_curves import curves_of, keys_of

from mien.blender_addon import actions, keyframes, keying
from mien.blender_addon.rig_names import character
from mien.blender_addon.thinning import Keys, thinned, whole
from mien.core.take import Take

JAW = ('key_blocks["jawOpen"].value', 0)


def everything(curve: bpy.types.FCurve) -> dict[str, bytes]:
    """All that is stored of the keys of a curve, as bytes."""
    return {
        name: keyframes.stored(curve.keyframe_points, name).tobytes()
        for name in keyframes.KEY_FIELDS
    }


@pytest.fixture
def animated(head: bpy.types.Object) -> bpy.types.Object:
    """The character with animation of its own on a mapped channel and on others."""
    keys = head.data.shape_keys
    head.shape_key_add(name="own shape")
    for name in ("own shape", "jawOpen"):
        for frame in (-20, 3, 17, 400):
            keys.key_blocks[name].value = abs(np.sin(frame))
            keys.key_blocks[name].keyframe_insert("value", frame=frame)
    for curve in curves_of(keys).values():
        for number, point in enumerate(curve.keyframe_points):
            point.handle_left_type = point.handle_right_type = "FREE"
            point.handle_right = (point.co.x + 1.3, 0.123 * number)
            point.interpolation = ("BEZIER", "ELASTIC", "BACK", "CONSTANT")[number]
            point.amplitude, point.back, point.period = 0.3, 1.1, 2.2
    bone = head.parent.pose.bones["head"]
    bone.location = (0.1, 0.2, 0.3)
    bone.keyframe_insert("location", frame=7)
    return head


def capture(take: Take, head: bpy.types.Object, tmp_path: Path, **settings: object) -> None:
    take.save(tmp_path / "take.json")
    mien = bpy.context.scene.mien
    mien.source, mien.target = str(tmp_path / "take.json"), head
    for name, value in settings.items():
        setattr(mien, name, value)
    assert bpy.ops.mien.capture() == {"FINISHED"}


@pytest.mark.parametrize("where", ["ACTION", "STRIP", "RANGE"])
def test_unmapped_channels_are_the_same_to_the_last_byte(
    where: str, animated: bpy.types.Object, take: Take, tmp_path: Path
) -> None:
    keys, armature = animated.data.shape_keys, animated.parent
    own = ('key_blocks["own shape"].value', 0)
    lift = ('pose.bones["head"].location', 2)
    before = everything(curves_of(keys)[own]), everything(curves_of(armature)[lift])
    capture(take, animated, tmp_path, where=where)
    assert (everything(curves_of(keys)[own]), everything(curves_of(armature)[lift])) == before
    bpy.context.scene.mien.tuning.strength = 0.3
    bpy.context.scene.mien.tuning.regions.jaw.use = False
    assert (everything(curves_of(keys)[own]), everything(curves_of(armature)[lift])) == before


@pytest.mark.parametrize("where", ["ACTION", "STRIP", "RANGE"])
def test_a_mapped_channel_that_is_left_out_later_is_the_same_too(
    where: str, animated: bpy.types.Object, take: Take, tmp_path: Path
) -> None:
    keys = animated.data.shape_keys
    before = everything(curves_of(keys)[JAW])
    capture(take, animated, tmp_path, where=where)
    if where != "STRIP":
        assert everything(curves_of(keys)[JAW]) != before
    bpy.context.scene.mien.tuning.regions.jaw.use = False
    assert everything(curves_of(keys)[JAW]) == before


def test_a_strip_plays_above_an_action_that_stays(
    head: bpy.types.Object, take: Take, tmp_path: Path, scene: bpy.types.Scene
) -> None:
    keys = head.data.shape_keys
    scene.mien.tuning.smoothing = 0
    capture(take, head, tmp_path, where="STRIP", start_frame=10, neutral="none")
    assert keys.animation_data.action is None
    (track,) = keys.animation_data.nla_tracks
    (strip,) = track.strips
    last = 10 + (take.timestamps[-1] - take.timestamps[0]) * scene.render.fps
    assert (strip.frame_start, strip.frame_end) == (10, pytest.approx(last))

    def shown(frame: int) -> float:
        scene.frame_set(frame)
        return keys.key_blocks["jawOpen"].value

    before = [shown(frame) for frame in range(10, 30, 3)]
    assert max(before) > 0.5
    scene.mien.tuning.strength = 0.5
    assert [shown(frame) for frame in range(10, 30, 3)] == pytest.approx(
        [value / 2 for value in before], abs=1e-5
    )
    assert len(keys.animation_data.nla_tracks) == 1
    scene.mien.start_frame = 30
    assert keys.animation_data.nla_tracks[0].strips[0].frame_start == 30
    scene.mien.tuning.regions.head.use = False
    assert not head.parent.animation_data.nla_tracks
    assert len(bpy.data.actions) == 1


@pytest.fixture
def pushed_down(animated: bpy.types.Object, take: Take, tmp_path: Path) -> bpy.types.AnimData:
    """What animates the character's shape keys: an action with the take and keys of its own, in a
    strip from its first frame on, -20."""
    capture(take, animated, tmp_path)
    data = animated.data.shape_keys.animation_data
    action, slot = data.action, getattr(data, "action_slot", None)
    strip = data.nla_tracks.new().strips.new("pushed", -20, action)
    if slot:
        strip.action_slot = slot
    data.action = None
    return data


def test_an_action_that_was_pushed_down_is_tuned_where_it_is(
    pushed_down: bpy.types.AnimData, animated: bpy.types.Object, scene: bpy.types.Scene
) -> None:
    keys = animated.data.shape_keys
    scene.mien.tuning.strength = 0
    assert sum(len(track.strips) for track in pushed_down.nla_tracks) == 1
    assert pushed_down.action is None
    scene.frame_set(15)
    assert keys.key_blocks["jawOpen"].value == 0
    assert keys.key_blocks["own shape"].value > 0, "its other channels are still in it"


def test_a_strip_goes_on_showing_what_it_showed_beside_the_take(
    pushed_down: bpy.types.AnimData, scene: bpy.types.Scene
) -> None:
    scene.mien.tuning.strength = 0.5
    scene.mien.start_frame = 380
    (strip,) = (strip for track in pushed_down.nla_tracks for strip in track.strips)
    assert (strip.action_frame_start, strip.frame_start) == (-20, -20)
    assert strip.action_frame_end == strip.frame_end == pytest.approx(380 + 38, abs=1)


def test_a_strip_stays_where_the_user_has_put_it(
    head: bpy.types.Object, take: Take, tmp_path: Path, scene: bpy.types.Scene
) -> None:
    keys = head.data.shape_keys
    scene.mien.tuning.smoothing = 0
    capture(take, head, tmp_path, where="STRIP", neutral="none")
    ((strip,),) = (track.strips for track in keys.animation_data.nla_tracks)
    long = strip.frame_end - strip.frame_start

    def shown(frame: float) -> float:
        scene.frame_set(int(frame))
        return float(keys.key_blocks["jawOpen"].value)

    whole = [shown(frame) for frame in range(1, 38, 3)]
    scene.mien.start_frame = 200
    assert (strip.frame_start, strip.frame_end) == pytest.approx((200, 200 + long))
    assert [shown(frame) for frame in range(200, 237, 3)] == pytest.approx(whole, abs=1e-3)
    strip.frame_end += 100
    strip.frame_start += 100  # moved along the timeline, then stretched
    strip.scale = 2
    scene.mien.tuning.strength = 0.5
    assert (strip.frame_start, strip.frame_end) == pytest.approx((300, 300 + 2 * long), abs=1e-3)
    half = [shown(frame) for frame in range(300, 374, 6)]
    assert half == pytest.approx([value / 2 for value in whole], abs=1e-3)
    strip.action_frame_end, strip.action_frame_start = 220, 210  # a part of it alone
    there = strip.frame_start, strip.frame_end
    scene.mien.tuning.strength = 1
    assert (strip.action_frame_start, strip.action_frame_end) == (210, 220)
    assert (strip.frame_start, strip.frame_end) == pytest.approx(there)


@pytest.mark.parametrize("where", ["ACTION", "RANGE"])
@pytest.mark.parametrize("own", ["animated", "head"])
def test_what_was_keyed_since_the_capture_stays(
    own: str,
    where: str,
    request: pytest.FixtureRequest,
    take: Take,
    tmp_path: Path,
    scene: bpy.types.Scene,
) -> None:
    """On a channel that is not mapped, and on a mapped one outside the time of the take."""
    head = request.getfixturevalue(own)
    keys, rig, settings = head.data.shape_keys, head.parent, scene.mien
    capture(take, head, tmp_path, where=where)
    before = [curves_of(owner).keys() for owner in (keys, rig)]
    rig.keyframe_insert("location", frame=9)
    keys.key_blocks["jawOpen"].keyframe_insert("value", frame=150)
    arm, jaw = everything(curves_of(rig)["location", 0]), keys_of(curves_of(keys)[JAW])
    settings.tuning.strength = 0.5
    settings.tuning.regions.head.use = settings.tuning.regions.mouth.use = False
    settings.tuning.regions.jaw.use = False
    assert everything(curves_of(rig)["location", 0]) == arm
    assert keys_of(curves_of(keys)[JAW])[:, 0].tolist() == (
        [-20, 3, 17, 150, 400] if own == "animated" else [150]
    )
    settings.tuning.strength = 1
    for region in ("head", "mouth", "jaw"):
        getattr(settings.tuning.regions, region).use = True
    assert keys_of(curves_of(keys)[JAW]) == pytest.approx(jaw)
    assert curves_of(keys).keys() == before[0]
    assert curves_of(rig).keys() - {("location", axis) for axis in range(3)} == before[1]


def test_a_take_that_passes_over_later_keys_gives_them_back(
    head: bpy.types.Object, take: Take, tmp_path: Path, scene: bpy.types.Scene
) -> None:
    keys = head.data.shape_keys
    capture(take, head, tmp_path)
    keys.key_blocks["jawOpen"].keyframe_insert("value", frame=150)
    before = keys_of(curves_of(keys)[JAW])
    for start in (120, 130, 140):
        scene.mien.start_frame = start
        assert len(keys_of(curves_of(keys)[JAW])) == len(take), "it lies on the key"
    scene.mien.start_frame = 1
    assert (keys_of(curves_of(keys)[JAW]) == before).all()
    assert len(bpy.data.actions) == 3, "what lay below the take is kept once"


def test_two_takes_in_one_action_are_both_tuned(
    animated: bpy.types.Object, take: Take, tmp_path: Path, scene: bpy.types.Scene
) -> None:
    keys, settings = animated.data.shape_keys, scene.mien
    settings.tuning.smoothing = 0
    texts = []
    for start, where in ((1, "ACTION"), (100, "RANGE")):
        settings.take = None  # Place at is to leave the take before alone
        capture(take, animated, tmp_path, where=where, start_frame=start, neutral="none")
        texts.append(settings.take)
    action = keys.animation_data.action.name
    whole = keys_of(curves_of(keys)[JAW])
    first, second = (slice(*np.searchsorted(whole[:, 0], ends)) for ends in ((1, 90), (100, 300)))
    assert len(whole[first]) == len(whole[second]) == len(take)

    def tune(number: int, **settings_of_take: float) -> np.ndarray:
        with keying.held():
            settings.take, settings.start_frame = texts[number], (1, 100)[number]
            settings.tuning.strength = 0.9
        for name, value in settings_of_take.items():
            setattr(settings.tuning, name, value)
        assert keys.animation_data.action.name == action
        return keys_of(curves_of(keys)[JAW])

    expected = whole.copy()
    for number, part, strength in ((0, first, 0.5), (1, second, 0.25), (0, first, 0.75)):
        expected[part, 1] = whole[part, 1] * strength
        assert tune(number, strength=strength) == pytest.approx(expected, abs=1e-6)
    settings.tuning.regions.jaw.use = False
    left = keys_of(curves_of(keys)[JAW])[:, 0]
    assert left[:3].tolist() == [-20, 3, 17], "what the first take replaced is back"
    assert left[3:-1].tolist() == whole[second, 0].tolist(), "and the second is still there"


def test_modifiers_come_back_with_the_channel(
    animated: bpy.types.Object, take: Take, tmp_path: Path, scene: bpy.types.Scene
) -> None:
    keys = animated.data.shape_keys
    curve = curves_of(keys)[JAW]
    curve.mute = True
    envelope = curve.modifiers.new("ENVELOPE")
    envelope.reference_value = 0.5
    for frame in (2.0, 30.0):
        envelope.control_points.add(frame)
    for name, limits in (("min", (-0.25, -0.5)), ("max", (0.75, 0.5))):
        envelope.control_points.foreach_set(name, limits)
    generator = curve.modifiers.new("GENERATOR")
    generator.use_additive, generator.poly_order = True, 2
    generator.coefficients = (0.1, 0.2, 0.3)
    generator.use_restricted_range, generator.frame_start, generator.frame_end = True, 5, 50

    def shown() -> list[float]:
        return [curves_of(keys)[JAW].evaluate(frame) for frame in range(-30, 80, 7)]

    before = shown()
    capture(take, animated, tmp_path)
    curve = curves_of(keys)[JAW]
    assert not curve.mute and not curve.modifiers
    scene.mien.tuning.regions.jaw.use = False
    curve = curves_of(keys)[JAW]
    assert curve.mute and [m.type for m in curve.modifiers] == ["ENVELOPE", "GENERATOR"]
    assert shown() == pytest.approx(before, abs=1e-5)


def test_a_range_of_the_current_action(
    animated: bpy.types.Object, take: Take, tmp_path: Path, scene: bpy.types.Scene
) -> None:
    keys = animated.data.shape_keys
    name = keys.animation_data.action.name
    capture(take, animated, tmp_path, where="RANGE", window_start=5, window_end=12)
    assert keys.animation_data.action.name == name
    frames = keys_of(curves_of(keys)[JAW])[:, 0]
    assert frames[[0, 1, -2, -1]].tolist() == [-20, 3, 17, 400]
    assert frames[2] == 5 and frames[-3] == 12
    scene.mien.window_end = 9
    frames = keys_of(curves_of(keys)[JAW])[:, 0]
    assert frames[-3] == 9 and frames[-2] == 17, "nothing of the wider range is left"
    with pytest.raises(RuntimeError, match="outside of 900 to 950: choose other frames"):
        capture(take, animated, tmp_path, window_start=900, window_end=950)


def test_every_nth_frame_is_on_whole_frames(
    head: bpy.types.Object, take: Take, tmp_path: Path
) -> None:
    capture(take, head, tmp_path, how_many="STEP", step=3)
    frames = keys_of(curves_of(head.data.shape_keys)[JAW])[:, 0]
    assert frames[:3].tolist() == [1, 4, 7]
    assert (frames == frames.round()).all()


@pytest.mark.parametrize("bound", [0.1, 1.0, 10.0])
def test_no_reduced_curve_leaves_its_bound(
    bound: float, head: bpy.types.Object, take: Take, tmp_path: Path, scene: bpy.types.Scene
) -> None:
    noise = np.random.default_rng(1)
    for name in take.signals:
        take.signals[name] = np.clip(take.signals[name] + noise.normal(0, 0.02, len(take)), 0, None)
    scene.mien.tuning.smoothing = 0
    capture(take, head, tmp_path)
    owners = (head.data.shape_keys, head.parent)
    full = {owner: {p: keys_of(c) for p, c in curves_of(owner).items()} for owner in owners}
    scene.mien.how_many, scene.mien.bound = "REDUCED", bound
    fewer = 0
    for owner, curves in full.items():
        for place, points in curves.items():
            channel = keyframes.Channel(owner, *place, points[:, 0], points[:, 1])
            curve = curves_of(owner)[place]
            shown = np.array([curve.evaluate(frame) for frame in points[:, 0]])
            assert np.abs(shown - points[:, 1]).max() <= bound / 100 * whole(channel) + 1e-5
            fewer += len(points) - len(curve.keyframe_points)
    assert fewer > (0 if bound < 1 else 100)


def test_the_linked_action_of_a_library_is_not_written_into(
    animated: bpy.types.Object, take: Take, tmp_path: Path
) -> None:
    """A linked character with overrides: its own action is the library's."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, here):
        here.objects = ["Head"]
    head = here.objects[0].override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
    rig = head.parent
    with pytest.raises(RuntimeError, match="belongs to a library: choose a new action"):
        capture(take, rig, tmp_path, where="RANGE")
    capture(take, rig, tmp_path, where="ACTION")
    assert rig.animation_data.action.library is None
    assert ('pose.bones["head"].rotation_quaternion', 0) in curves_of(rig)


def linked(head: bpy.types.Object, folder: Path) -> bpy.types.Collection:
    """The character in a collection that is linked from another file."""
    both = bpy.data.collections.new("Character")
    both.objects.link(head)
    both.objects.link(head.parent)
    bpy.data.libraries.write(str(folder / "library.blend"), {both})
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(folder / "library.blend"), link=True) as (_, here):
        here.collections = ["Character"]
    return here.collections[0]


def test_keys_on_a_linked_character_are_there_when_the_file_is_opened_again(
    head: bpy.types.Object, take: Take, tmp_path: Path
) -> None:
    collection = linked(head, tmp_path)
    here = collection.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
    rig = next(item for item in here.all_objects if item.type == "ARMATURE")
    capture(take, rig, tmp_path)
    bpy.context.scene.mien.tuning.strength = 0.5
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    mesh, rig = (bpy.data.objects[name, None] for name in ("Head", "Rig"))
    keys = mesh.data.shape_keys
    assert 0.3 < keys_of(curves_of(keys)[JAW])[:, 1].max() <= 0.5
    assert ('pose.bones["head"].rotation_quaternion', 0) in curves_of(rig)
    bpy.context.scene.frame_set(10)
    assert keys.key_blocks["jawOpen"].value > 0.2
    (theirs,) = (item for item in bpy.data.shape_keys if item.library)
    assert theirs.animation_data is None


def test_what_fails_leaves_no_override(head: bpy.types.Object, take: Take, tmp_path: Path) -> None:
    collection = linked(head, tmp_path)
    here = collection.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
    rig = next(item for item in here.all_objects if item.type == "ARMATURE")
    mesh = next(item for item in here.all_objects if item.type == "MESH")
    strip = rig.animation_data_create().nla_tracks.new()
    strip.strips.new("own", 1, bpy.data.actions.new("own"))
    before = len(bpy.data.meshes)
    rig.animation_data.nla_tracks.active = strip
    rig.animation_data.use_tweak_mode = True
    with pytest.raises(RuntimeError, match="Leave the NLA tweak mode"):
        capture(take, rig, tmp_path)
    assert mesh.data.library and len(bpy.data.meshes) == before
    rig.animation_data.use_tweak_mode = False
    capture(take, rig, tmp_path)
    assert mesh.data.override_library


@pytest.fixture
def numpy_2() -> Iterator[None]:
    """The rules of the NumPy that newer Blenders have: a NumPy number keeps its precision."""
    if not hasattr(np, "_set_promotion_state"):  # this is one
        yield
        return
    before = np._get_promotion_state()
    np._set_promotion_state("weak")
    yield
    np._set_promotion_state(before)


def test_a_second_capture_replaces_the_last_key_too(head: bpy.types.Object, numpy_2: None) -> None:
    """Keys are stored in single precision: the last may lie past the take that it came from."""
    keys = head.data.shape_keys
    frames = np.array([0.1, 5.3, 38.0866])  # the last is rounded up
    for values in (np.ones(3), np.full(3, 0.25)):
        channel = keyframes.Channel(keys, *JAW, frames, values)
        actions.write([channel], "mien", "RANGE", [keys], [])
    assert keys_of(curves_of(keys)[JAW])[:, 1].tolist() == [0.25] * 3


@pytest.mark.parametrize("count", [1, 40])
def test_a_linked_character_without_an_override_is_one_sentence(
    count: int, head: bpy.types.Object, take: Take, tmp_path: Path
) -> None:
    """For keys, and for the pose of a photo."""
    collection = linked(head, tmp_path)
    bpy.context.scene.collection.children.link(collection)
    rig = next(item for item in collection.all_objects if item.type == "ARMATURE")
    shown = take if count > 1 else Take.still({"AU26": 1.0})
    with pytest.raises(RuntimeError, match="belongs to a library: make a library override"):
        capture(shown, rig, tmp_path, photo="POSED")
    assert not bpy.data.actions
    assert rig.animation_data is None


def test_thinning_leaves_single_frames_alone(head: bpy.types.Object) -> None:
    one = np.array([3.4])
    channel = keyframes.Channel(head, "location", 0, one, one)
    assert character(head).owners
    for how in ("EVERY", "STEP", "REDUCED"):
        (out,) = thinned([channel], Keys(how))
        assert len(out.frames) == 1
