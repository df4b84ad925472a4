"""The Mien face in Blender has the geometry of mien.core: 200 random vectors, to 0.1 mm."""

import numpy as np
import pytest

from mien.core import parameters, sampling
from mien.core.face_model import PATH, FaceModel, head_rotation

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.skipif(not PATH.exists(), reason="face_model.npz is not built")

PEOPLE, EXPRESSIONS = 10, 20
CLOSE = 1e-4  # m


def shown(body):
    """(V, 3) as Blender evaluates it."""
    mesh = body.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    got = np.zeros(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", got)
    return got.reshape(-1, 3)


@pytest.mark.parametrize("number", range(PEOPLE))
def test_numpy_and_blender_agree(number):
    from mien.blender_addon import face_object

    bpy.ops.wm.read_factory_settings(use_empty=True)
    model, rng = FaceModel(), np.random.default_rng(number)
    identity = model.sample_identity(rng)
    armature = face_object.build_face(bpy.context, sampling.vector(rng, identity))
    armature.location = 5, 3, 1  # wherever it stands
    body = armature.children[0]
    for _ in range(EXPRESSIONS):
        y = sampling.vector(rng, identity)
        face_object.set_values(armature, model.slider_values(y))
        s = parameters.signals(y)
        face_object.set_head(armature, head_rotation(float(s["head.yaw"]), float(s["head.pitch"])))
        bpy.context.view_layer.update()
        off = np.abs(shown(body) - face_object.to_blender(model.evaluate(y))).max()
        assert off < CLOSE, f"{off * 1000:.3f} mm"


def test_a_linked_collection_takes_no_face(tmp_path):
    """It goes where Blender's own would."""
    from mien.blender_addon import face_object

    bpy.ops.wm.read_factory_settings(use_empty=True)
    theirs = bpy.data.collections.new("Theirs")
    bpy.data.libraries.write(str(tmp_path / "library.blend"), {theirs})
    bpy.data.collections.remove(theirs)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, here):
        here.collections = ["Theirs"]
    scene = bpy.context.scene
    scene.collection.children.link(here.collections[0])
    layer = bpy.context.view_layer.layer_collection
    bpy.context.view_layer.active_layer_collection = layer.children[0]
    armature = face_object.build_face(bpy.context)
    assert {armature, *armature.children} <= set(scene.collection.objects)


def test_the_face_plays_its_keys_in_a_file_opened_again(tmp_path):
    from mien.blender_addon import face_object

    bpy.ops.wm.read_factory_settings(use_empty=True)
    armature = face_object.build_face(bpy.context)
    for frame, value in ((1, 0.0), (11, 1.0)):
        armature["AU26"] = value
        armature.keyframe_insert('["AU26"]', frame=frame)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "face.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "face.blend"))
    armature = bpy.data.objects[face_object.NAME]
    model = FaceModel()
    person = model.person(parameters.neutral()[parameters.IDENTITY])
    for frame, value in ((1, 0.0), (6, 0.5), (11, 1.0)):
        bpy.context.scene.frame_set(frame)
        expected = face_object.to_blender(model.pose(person, {"AU26": value}))
        assert np.abs(shown(armature.children[0]) - expected).max() < CLOSE
