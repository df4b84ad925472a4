"""Class masks against what Cycles itself sees through the centres of the pixels."""

import numpy as np
import pytest

from mien.core.face_model import PATH

bpy = pytest.importorskip("bpy")
cv2 = pytest.importorskip("cv2")
from mien.blender_addon.render_masks import ON_SKIN, Seen, geometry, skin_values  # noqa: E402
from mien.blender_addon.render_picture import PER_IDENTITY, PairRenderer  # noqa: E402
from mien.blender_addon.render_scene import Camera  # noqa: E402
from mien.core import parameters  # noqa: E402
from mien.core.face_classes import CLASSES  # noqa: E402
from mien.core.face_model import head_rotation  # noqa: E402

pytestmark = pytest.mark.skipif(not PATH.exists(), reason="face_model.npz is not built")

SIZE = 128


def flat(kind, value):
    """A material that shows a colour or a vertex attribute as it is; or one that shows nothing."""
    material = bpy.data.materials.new("test")
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    node = tree.nodes.new("ShaderNodeBsdfTransparent" if kind == "clear" else "ShaderNodeEmission")
    if kind == "colour":
        node.inputs[0].default_value = (value, 0, 0, 1)
    elif kind == "attribute":
        source = tree.nodes.new("ShaderNodeAttribute")
        source.attribute_name = value
        tree.links.new(source.outputs["Color"], node.inputs[0])
    tree.links.new(node.outputs[0], tree.nodes.new("ShaderNodeOutputMaterial").inputs[0])
    return material


def through_centres(scene, path):
    """(SIZE, SIZE, 4) linear colours, one ray through every pixel's centre."""
    render = scene.render
    render.image_settings.file_format = "OPEN_EXR"
    render.image_settings.color_depth = "32"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.cycles.filter_width = 0.01
    render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    pixels = np.array(image.pixels[:]).reshape(SIZE, SIZE, 4)[::-1]
    bpy.data.images.remove(image)
    return pixels


def recolour(scene, parts, name, values, skin):
    """Colours the scene by class; brow, and the skin if ``skin``, by the attribute ``name``."""
    classes = {"hair": "hair", "glasses": "eye_g", "eye_l": "l_eye", "eye_r": "r_eye",
               "teeth": "mouth", "tongue": "mouth", "skin": "skin", "clothes": "cloth",
               "hat": "hat", "earrings": "ear_r", "necklace": "necklace",
               "held": "background"}  # fmt: skip
    for shown in scene.objects:
        if shown.hide_render or shown.type not in ("MESH", "CURVE"):
            continue
        if shown.name in classes:
            shown.data.materials[0] = flat("colour", CLASSES.index(classes[shown.name]))
            continue
        attribute = shown.data.attributes.new(name, "FLOAT_COLOR", "POINT")
        attribute.data.foreach_set("color", values.astype(np.float32).ravel())
        for slot, part in enumerate(parts):
            if part == "lashes":
                new = flat("clear", None)
            elif part == "brow" or (part == "skin" and skin):
                new = flat("attribute", name)
            else:
                new = flat("colour", CLASSES.index(classes[part]))
            shown.data.materials[slot] = new


def seen_by_cycles(renderer, on_skin, brow, folder):
    """(SIZE, SIZE) classes by renders of the parts and, three at a time, of what is on the skin."""
    scene, count = renderer.scene.scene, len(on_skin)
    passes = []
    for step in range(1 + on_skin.shape[1] // 3):
        values = np.zeros((count + len(brow), 4))
        values[count:, 0] = brow
        if step:
            values[:count, :3] = on_skin[:, 3 * step - 3 : 3 * step]
        recolour(scene, renderer.model.parts, f"test{step}", values, step > 0)
        passes.append(through_centres(scene, folder / f"{step}.exr"))
    out = np.where(passes[0][..., 3] > 0.5, np.rint(passes[0][..., 0]), 0).astype(int)
    skin = out == CLASSES.index("skin")
    within = np.concatenate([p[..., :3] for p in passes[1:]], -1) > 0.5
    for column, name in enumerate(ON_SKIN):
        out[skin & within[..., column]] = CLASSES.index(name)
    return out


@pytest.mark.parametrize("flavour, index", [("wild", 4), ("wild", 9), ("studio", 2)])
def test_masks_agree_with_a_render_of_classes(tmp_path, flavour, index):
    renderer = PairRenderer(11, flavour, SIZE, "cycles")
    model = renderer.model
    truth = renderer.pair(index, tmp_path / "picture.png")
    person = model.person(truth["parameters"][parameters.IDENTITY].astype(float))
    worn = {}
    if flavour == "wild":
        worn = renderer.worn(renderer.someone(index // PER_IDENTITY))
    shown, camera = geometry(renderer.scene.scene.objects), Camera(**truth["json"]["camera"])
    mask = renderer.masks.look(shown, person, camera, SIZE, worn).classes
    on_skin = skin_values(model)
    for name, amount in worn.items():
        on_skin[:, ON_SKIN.index(name)] = amount
    brow = 2 + (person.rest[model.vertex_count :, 0] < 0)
    cycles = seen_by_cycles(renderer, on_skin, brow, tmp_path)
    assert (cycles == mask).mean() >= 0.999
    # Filled brows are all that the mask in the shard adds; and it ends where the picture does.
    added = mask != truth["mask"]
    assert set(mask[added]) <= {CLASSES.index("skin")} and set(truth["mask"][added]) <= {2, 3}
    assert added.sum() < 0.03 * SIZE * SIZE
    picture = cv2.imread(str(tmp_path / "picture.png"), cv2.IMREAD_UNCHANGED)
    # What is held before the face has no class of its own.
    told = mask > 0 if truth["json"].get("held") else np.ones_like(mask, bool)
    whole = told & np.isin(picture[..., 3], (0, 255))  # edges of hairs are of both
    assert whole.sum() > 0.95 * told.sum()
    assert ((picture[..., 3] > 0) == (mask > 0))[whole].mean() > 0.999


def test_left_and_right_are_the_subjects(tmp_path):
    mask = PairRenderer(0, "studio", SIZE, "cycles").pair(5, tmp_path / "picture.png")["mask"]
    for pair in (("l_brow", "r_brow"), ("l_eye", "r_eye")):
        left, right = (np.nonzero(mask == CLASSES.index(name))[1] for name in pair)
        assert left.mean() > right.mean()  # the subject's left is on the picture's right


def test_what_is_in_front_hides_a_point():
    camera = Camera((0.0, 0.0, 1.0), 1.0)
    depth = np.full((8, 8), np.inf)
    depth[:, :4] = 0.5  # a wall before the left half
    seen = Seen(camera, np.zeros((8, 8), np.uint8), depth)
    points = np.array([[-0.3, 0, 0], [-0.15, 0, 0.5], [0.3, 0, 0], [0.9, 0, 0], [-0.01, 0, 0]])
    # Behind it, on it, beside it, outside the picture, behind it but within a pixel of its edge.
    assert seen.visible(points).tolist() == [False, True, True, False, True]


def test_a_turned_head_hides_its_far_side(tmp_path):
    renderer = PairRenderer(0, "studio", SIZE, "cycles")
    person = renderer.model.person(parameters.neutral()[parameters.IDENTITY])
    for yaw, least, most in ((0, 66, 68), (55, 35, 60)):
        vertices = renderer.model.pose(person, {}, head_rotation(yaw, 0))
        renderer.scene.set_face(person, vertices)
        seen = renderer.masks.look(
            geometry(renderer.scene.scene.objects), person, Camera((0.0, 0.715, 1.3), 5.0), SIZE, {}
        )
        visible = seen.visible(renderer.model.landmarks(vertices, person))
        assert least <= visible.sum() <= most
        if yaw:  # to the subject's left: the left contour of the jaw turns away
            assert visible[:8].sum() > visible[9:17].sum()
