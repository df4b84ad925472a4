"""The Mien face in Blender has the geometry of mien.core: 200 random vectors, to 0.1 mm or so."""

import numpy as np
import pytest

from mien.core import parameters, sampling
from mien.core.face_model import PATH, FaceModel, head_rotation

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.skipif(not PATH.exists(), reason="face_model.npz is not built")

PEOPLE, EXPRESSIONS = 10, 20
# Blender 5.0 leaves a driven value as it is until it is off by 1e-4, here 0.1 mm, and a
# vertex hangs on bones that each may be.
CLOSE = 1e-4 if bpy.app.version < (5, 0) else 2e-4  # m


@pytest.mark.parametrize("number", range(PEOPLE))
def test_numpy_and_blender_agree(number):
    from mien.blender_addon import face_object

    bpy.ops.wm.read_factory_settings(use_empty=True)
    model, rng = FaceModel(), np.random.default_rng(number)
    identity = model.sample_identity(rng)
    armature = face_object.build_face(bpy.context, sampling.vector(rng, identity))
    body = armature.children[0]
    for _ in range(EXPRESSIONS):
        y = sampling.vector(rng, identity)
        face_object.set_values(armature, model.slider_values(y))
        s = parameters.signals(y)
        face_object.set_head(armature, head_rotation(float(s["head.yaw"]), float(s["head.pitch"])))
        bpy.context.view_layer.update()
        mesh = body.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
        got = np.zeros(len(mesh.vertices) * 3, np.float32)
        mesh.vertices.foreach_get("co", got)
        off = np.abs(got.reshape(-1, 3) - face_object.to_blender(model.evaluate(y))).max()
        assert off < CLOSE, f"{off * 1000:.3f} mm"
