# SPDX-License-Identifier: GPL-3.0-or-later
"""Materials of the Mien face: one set for EEVEE and Cycles, procedural, no pictures needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Look:
    """Linear colours and amounts of one person's surface."""

    skin: Colour = (0.60, 0.32, 0.22)
    flush: Colour = (0.80, 0.50, 0.45)  # multiplies the skin where blood shows
    lips: Colour = (0.42, 0.14, 0.11)
    lip_amount: float = 0.8
    roughness: float = 0.48
    hair: Colour = (0.035, 0.018, 0.010)
    iris: Colour = (0.10, 0.05, 0.02)
    sclera: Colour = (0.52, 0.48, 0.45)
    teeth: Colour = (0.74, 0.69, 0.60)
    pores: float = 0.35


def new_material(name: str) -> tuple[Any, Any, Any]:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    tree = material.node_tree
    return material, tree, tree.nodes["Principled BSDF"]


def _node(tree: Any, kind: str, label: str = "", **settings: Any) -> Any:
    node = tree.nodes.new("ShaderNode" + kind)
    for key, value in settings.items():
        setattr(node, key, value)
    if label:
        node.name = node.label = label
    return node


def _mix(tree: Any, factor: Any, a: Any, b: Any, label: str = "", blend: str = "MIX") -> Any:
    """A colour mix; each input is a socket or a constant."""
    node = _node(tree, "Mix", label, data_type="RGBA", blend_type=blend)
    for slot, value in ((0, factor), (6, a), (7, b)):
        if isinstance(value, bpy.types.NodeSocket):
            tree.links.new(value, node.inputs[slot])
        elif slot == 0:
            node.inputs[0].default_value = value
        else:
            node.inputs[slot].default_value = (*value, 1)
    return node.outputs[2]


def skin(look: Look, paint: Any = None) -> Any:
    """Tone, blotches, lips, pores; ``paint`` (an image over the front plane) multiplies the
    colour by its own and raises the surface by its alpha."""
    material, tree, bsdf = new_material("Mien skin")
    link = tree.links.new
    rest = _node(tree, "Attribute", attribute_name="rest").outputs["Vector"]
    blotch = _node(tree, "TexNoise")
    blotch.inputs["Scale"].default_value = 55
    blotch.inputs["Detail"].default_value = 5
    link(rest, blotch.inputs["Vector"])
    colour = _mix(tree, blotch.outputs[0], look.skin, look.skin, "Skin")
    tree.nodes["Skin"].inputs[7].default_value = (
        *(s * f for s, f in zip(look.skin, look.flush, strict=True)), 1,
    )  # fmt: skip
    flush = _node(tree, "Attribute", attribute_name="flush").outputs["Fac"]
    colour = _mix(tree, flush, colour, look.flush, "Flush", "MULTIPLY")
    shade = _node(tree, "Attribute", attribute_name="shade").outputs["Color"]
    colour = _mix(tree, 1.0, colour, shade, "", "MULTIPLY")
    lips = _node(tree, "Attribute", attribute_name="lips").outputs["Fac"]
    amount = _node(tree, "Math", "Lip amount", operation="MULTIPLY")
    amount.inputs[1].default_value = look.lip_amount
    link(lips, amount.inputs[0])
    colour = _mix(tree, amount.outputs[0], colour, look.lips, "Lips")
    inside = _node(tree, "Attribute", attribute_name="inside").outputs["Fac"]
    colour = _mix(tree, inside, colour, (0.20, 0.045, 0.04), "Inside")
    if paint is not None:
        uv = _node(tree, "UVMap", uv_map="Front").outputs[0]
        image = _node(tree, "TexImage", image=paint, extension="EXTEND")
        link(uv, image.inputs[0])
        colour = _mix(tree, 1.0, colour, image.outputs["Color"], "", "MULTIPLY")
    link(colour, bsdf.inputs["Base Color"])
    bsdf.inputs["Roughness"].default_value = look.roughness
    bsdf.inputs["Specular IOR Level"].default_value = 0.35
    bsdf.inputs["Subsurface Weight"].default_value = 0.12
    bsdf.inputs["Subsurface Radius"].default_value = (1.0, 0.35, 0.2)
    bsdf.inputs["Subsurface Scale"].default_value = 0.004
    pores = _node(tree, "TexNoise")
    pores.inputs["Scale"].default_value = 900
    pores.inputs["Detail"].default_value = 3
    link(rest, pores.inputs["Vector"])
    bump = _node(tree, "Bump", "Pores")
    bump.inputs["Strength"].default_value = look.pores
    bump.inputs["Distance"].default_value = 0.0006
    link(pores.outputs[0], bump.inputs["Height"])
    normal = bump.outputs[0]
    if paint is not None:
        fold = _node(tree, "Bump")
        fold.inputs["Distance"].default_value = 0.0022
        link(image.outputs["Alpha"], fold.inputs["Height"])
        link(normal, fold.inputs["Normal"])
        normal = fold.outputs[0]
    link(normal, bsdf.inputs["Normal"])
    return material


def eye(look: Look, name: str) -> Any:
    """Sclera, iris and pupil by distance from the gaze axis (attribute ``eye``: x, y, z in ball
    radii), under a wet coat."""
    material, tree, bsdf = new_material(name)
    link = tree.links.new
    where = _node(tree, "SeparateXYZ")
    link(_node(tree, "Attribute", attribute_name="eye").outputs["Vector"], where.inputs[0])
    flat = _node(tree, "CombineXYZ")
    link(where.outputs["X"], flat.inputs["X"])
    link(where.outputs["Y"], flat.inputs["Y"])
    distance = _node(tree, "VectorMath", operation="LENGTH")
    link(flat.outputs[0], distance.inputs[0])
    behind = _node(tree, "Math", operation="LESS_THAN")
    behind.inputs[1].default_value = 0.0
    link(where.outputs["Z"], behind.inputs[0])
    along = _node(tree, "Math", operation="ADD")
    link(distance.outputs["Value"], along.inputs[0])
    link(behind.outputs[0], along.inputs[1])
    ramp = _node(tree, "ValToRGB", "Iris")
    link(along.outputs[0], ramp.inputs[0])
    stops = ramp.color_ramp.elements
    stops[0].position, stops[1].position = 0.0, 0.16
    for stop in list(stops)[:2]:
        stop.color = (0.004, 0.004, 0.004, 1)
    for position in (0.19, 0.36, 0.42, 0.47, 0.85):
        stops.new(position)
    set_iris(material, look)
    link(ramp.outputs[0], bsdf.inputs["Base Color"])
    bsdf.inputs["Roughness"].default_value = 0.14
    bsdf.inputs["Coat Weight"].default_value = 0.3
    bsdf.inputs["Coat Roughness"].default_value = 0.03
    return material


def set_iris(material: Any, look: Look) -> None:
    """Recolours an eye."""
    stops = material.node_tree.nodes["Iris"].color_ramp.elements
    iris = look.iris
    rim = tuple(0.2 * c for c in iris)
    veins = tuple(c * k for c, k in zip(look.sclera, (0.62, 0.44, 0.40), strict=True))
    for stop, colour in zip(
        list(stops)[2:], (tuple(1.3 * c for c in iris), iris, rim, look.sclera, veins), strict=True
    ):
        stop.color = (*colour, 1)


def plain(name: str, colour: Colour, roughness: float) -> Any:
    """A single colour."""
    material, _, bsdf = new_material(name)
    bsdf.inputs["Base Color"].default_value = (*colour, 1)
    bsdf.inputs["Roughness"].default_value = roughness
    return material


def lashes() -> Any:
    """Dark hairs that thin out from the rim of the lid; the head data's lashes are two strips on
    each side, the upper one with its roots at v = .927, the lower one at v = .985."""
    material, tree, bsdf = new_material("Mien lashes")
    link = tree.links.new
    uv = _node(tree, "UVMap", uv_map="UVMap").outputs[0]
    across = _node(tree, "VectorMath", operation="MULTIPLY")
    across.inputs[1].default_value = (900, 70, 0)
    link(uv, across.inputs[0])
    hairs = _node(tree, "TexNoise", noise_dimensions="2D")
    hairs.inputs["Scale"].default_value = 1.0
    link(across.outputs[0], hairs.inputs["Vector"])
    split = _node(tree, "SeparateXYZ")
    link(uv, split.inputs[0])
    middle = _node(tree, "Math", operation="SUBTRACT")
    middle.inputs[1].default_value = 0.957
    link(split.outputs["Y"], middle.inputs[0])
    rim = _node(tree, "Math", operation="ABSOLUTE")
    link(middle.outputs[0], rim.inputs[0])
    bare = _node(tree, "MapRange")
    for index, value in zip((1, 2, 3, 4), (0.009, 0.030, 0.64, 0.36), strict=True):
        bare.inputs[index].default_value = value
    link(rim.outputs[0], bare.inputs[0])
    above = _node(tree, "Math", operation="SUBTRACT")
    link(hairs.outputs[0], above.inputs[0])
    link(bare.outputs[0], above.inputs[1])
    sharp = _node(tree, "Math", operation="MULTIPLY", use_clamp=True)
    sharp.inputs[1].default_value = 12
    link(above.outputs[0], sharp.inputs[0])
    link(sharp.outputs[0], bsdf.inputs["Alpha"])
    bsdf.inputs["Base Color"].default_value = (0.012, 0.008, 0.006, 1)
    bsdf.inputs["Roughness"].default_value = 0.6
    return material


def face(look: Look, paint: Any = None) -> list[Any]:
    """The material slots in the order of FaceModel.parts."""
    return [
        skin(look, paint),
        eye(look, "Mien eye left"),
        eye(look, "Mien eye right"),
        lashes(),
        plain("Mien teeth", look.teeth, 0.18),
        plain("Mien tongue", (0.40, 0.12, 0.10), 0.4),
        plain("Mien brow", look.hair, 0.65),
    ]
