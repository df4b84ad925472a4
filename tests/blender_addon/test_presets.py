"""Every preset in Blender, on a generated character with exactly its convention's names."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from mathutils import Vector

from mien import rig_mappings
from mien.blender_addon.animate import find_target
from mien.blender_addon.apply import apply, detected
from mien.blender_addon.rig_names import character
from mien.core.cleanup import Cleanup
from mien.core.mapping import Mapping
from mien.core.parameters import SIGNALS
from mien.core.take import Take

AS_IT_IS = Cleanup(neutral="none", smoothing=0)


def take_of(**signals: float) -> Take:
    """Two frames: a face at rest, then these signals."""
    values = {name: np.zeros(2) for name in SIGNALS}
    values |= {name.replace("_", "."): np.array([0, value]) for name, value in signals.items()}
    return Take(np.arange(2), np.arange(2) / 24, np.ones(2), np.ones(2, bool), values)


def armature_of(*names: str) -> bpy.types.Object:
    """Bones side by side, each lying and rolled in another way."""
    bpy.ops.object.armature_add()
    armature = bpy.context.object
    bpy.ops.object.mode_set(mode="EDIT")
    bones = armature.data.edit_bones
    bones.remove(bones[0])
    for i, name in enumerate(names):
        bone = bones.new(name)
        bone.head = (0.1 * i, 0, 1.6)
        bone.tail = bone.head + Vector((0.2 * np.sin(i), -1, 0.6 * np.cos(2 * i)))
        bone.roll = 1.3 * i
    bpy.ops.object.mode_set(mode="OBJECT")
    return armature


def character_of(mapping: Mapping) -> bpy.types.Object:
    """An armature with the bones and properties, and a mesh on it with the shape keys."""
    bones = [c.target for c in mapping.channels if c.kind == "bone"]
    bones += [bone for c in mapping.channels for bone in c.unit]
    bones += [mapping.gaze.bone, mapping.gaze.eye] if mapping.gaze else []
    bones += [name for name in mapping.requires if name not in mapping.targets()]
    bones += [mapping.head.bone[0], *mapping.head.neck[:1]] if mapping.head else []
    armature = armature_of(*dict.fromkeys(bones))
    bpy.ops.mesh.primitive_cube_add()
    mesh = bpy.context.object
    mesh.parent = armature
    mesh.shape_key_add(name="Basis")
    for channel in mapping.channels:
        if channel.kind == "shape_key":
            mesh.shape_key_add(name=channel.target)
        elif channel.kind == "property":
            armature[channel.target] = 0.0
    return armature


@pytest.mark.parametrize("name", rig_mappings.names())
def test_a_generated_rig_is_recognised_and_keyed_whole(name: str, take: Take) -> None:
    mapping = rig_mappings.load(name)
    armature = character_of(mapping)
    match = detected(character(armature))
    assert match and match.name == name
    report = apply(take, armature, scene=bpy.context.scene, mapping="", settings=AS_IT_IS, start=1)
    assert report.unmatched == [] and report.driven == []
    moved = {c.target for c in mapping.channels if c.signals}
    assert report.channels >= len(moved)


@pytest.mark.parametrize(
    ("jaw", "left", "right"),
    [
        ("jaw", "eye.L", "eye.R"),
        ("CC_Base_JawRoot", "CC_Base_L_Eye", "CC_Base_R_Eye"),
        ("lowerJaw", "lEye", "rEye"),
    ],
)
def test_jaw_and_eyes_turn_the_right_way_however_they_lie(jaw: str, left: str, right: str) -> None:
    armature = armature_of("head", jaw, left, right)
    scene = bpy.context.scene
    scene.render.fps = 24
    take = take_of(AU26=1, gaze_yaw=15, gaze_pitch=10)
    apply(take, armature, scene=scene, mapping="", settings=AS_IT_IS, start=1)

    def turned(bone: str, way: tuple[float, float, float]) -> Vector:
        """Where a point ahead of a bone at rest goes: x left, y back, z up."""
        matrices = []
        for frame in (1, 2):
            scene.frame_set(frame)
            matrices.append(armature.pose.bones[bone].matrix.to_3x3())
        return matrices[1] @ matrices[0].inverted() @ Vector(way)

    chin = turned(jaw, (0, -1, 0))
    assert chin.z == pytest.approx(-np.sin(np.radians(25)), abs=1e-3)
    assert chin.x == pytest.approx(0, abs=1e-3)
    for eye in (left, right):
        sight = turned(eye, (0, -1, 0))
        assert np.degrees(np.arctan2(sight.x, -sight.y)) == pytest.approx(15, abs=0.5)
        assert np.degrees(np.arcsin(sight.z)) == pytest.approx(10, abs=0.5)


def test_sliders_on_the_rig_are_keyed_and_not_the_shapes_that_they_drive() -> None:
    """Daz characters come with properties on the armature that drive the shape keys."""
    mapping = rig_mappings.load("daz_genesis81")
    armature = character_of(mapping)
    (mesh,) = armature.children
    for block in mesh.data.shape_keys.key_blocks[1:]:
        armature[block.name] = 0.0
        driver = block.driver_add("value").driver
        driver.type = "AVERAGE"
        variable = driver.variables.new()
        variable.targets[0].id = armature
        variable.targets[0].data_path = f'["{block.name}"]'
    scene = bpy.context.scene
    scene.render.fps = 24
    smile = take_of(AU12_L=0.5)
    report = apply(smile, armature, scene=scene, mapping="", settings=AS_IT_IS, start=1)
    assert report.driven == []
    scene.frame_set(2)
    shapes = mesh.data.shape_keys.key_blocks
    assert shapes["facs_bs_MouthSmileLeft_div2"].value == pytest.approx(0.5)
    assert shapes["facs_bs_MouthSmileRight_div2"].value == 0


def test_a_control_rig_is_preferred_to_a_skeleton_with_few_names() -> None:
    armature_of("jaw", "eye.L", "eye.R").name = "a skeleton"
    face = character_of(rig_mappings.load("arkit"))
    assert find_target(None) in (face, *face.children)
