"""Builds core/face_model.npz from the CC0 head data: `python tools/build_face_model.py WHEEL`.

Everything is fitted, nothing is drawn by hand but the tables of face_shapes.py and the brows:
bones follow each AU's target by least squares, a corrective holds what bones cannot do, and the
prior over people comes from random MakeHuman heads projected onto the 208 controls.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import brow_styles
import numpy as np
from face_shapes import (
    AU_UNITS,
    BELOW,
    BELOW_HEIGHT,
    CENTRE_BONES,
    FADES,
    LANDMARKS,
    LID_UNITS,
    MIDDLE,
    MIDDLE_SPREAD,
    SIDED_BONES,
    TEETH,
    expand,
)
from head_data import SHA256, HeadData
from numpy.typing import NDArray

from mien.core import face_model, parameters

Array = NDArray[Any]

DM = 0.1  # metres
HEADS = 500
TERMS = 15
TRIM_ROUNDS = 12
PARTS = ("skin", "eye_l", "eye_r", "lashes", "teeth", "tongue", "brow")
SPREAD = {
    "head": 0.25, "forehead": 0.3, "eyebrows": 0.35, "eyes": 0.22, "nose": 0.28, "mouth": 0.28,
    "chin": 0.28, "cheek": 0.28, "ears": 0.3, "neck": 0.2,
}  # fmt: skip


def parts(head: HeadData) -> tuple[Array, Array, Array, Array]:
    """Used vertices (V,), faces (F, 4) in their numbering, part (F,), UV (F, 4, 2)."""
    v = head.vertices
    groups = {
        "eye_l": ["helper-l-eye"],
        "eye_r": ["helper-r-eye"],
        "lashes": [f"helper-{s}-eyelashes-{k}" for s in "lr" for k in "12"],
        "teeth": ["helper-upper-teeth", "helper-lower-teeth"],
        "tongue": ["helper-tongue"],
    }
    faces, part, uv = [], [], []
    for f, c in zip(head.faces["body"], head.face_uvs["body"], strict=True):
        if v[f][:, 1].min() > 5.55 and abs(v[f][:, 0]).max() < 1.6:
            faces.append(f)
            part.append(0)
            uv.append(head.uvs[c])
    for name, sources in groups.items():
        for source in sources:
            for f, c in zip(head.faces[source], head.face_uvs[source], strict=True):
                faces.append(f)
                part.append(PARTS.index(name))
                uv.append(head.uvs[c])
    used = np.unique(faces)
    remap = -np.ones(len(v), int)
    remap[used] = np.arange(len(used))
    return used, remap[np.array(faces)], np.array(part), np.array(uv)


def trimmed(base: Array, faces: Array) -> Array:
    """The vertices with an even line where the faces (F, 4) of the skin end, at the shoulders."""
    edges = np.sort(np.concatenate([faces[:, [k, (k + 1) % 4]] for k in range(4)]), axis=1)
    edges, uses = np.unique(edges, axis=0, return_counts=True)
    ends, row = np.unique(edges[uses == 1], return_inverse=True)
    row = row.reshape(-1, 2)
    near = np.eye(len(ends)) / 2
    near[row[:, 0], row[:, 1]] = near[row[:, 1], row[:, 0]] = 1 / 4
    out = base.copy()
    out[ends] = np.linalg.matrix_power(near, TRIM_ROUNDS) @ base[ends]
    return out


def heads(head: HeadData, used: Array, rng: np.random.Generator) -> Array:
    """(HEADS, V, 3) random MakeHuman heads, dm: ancestry, sex, age, weight and details."""
    macros = [f"{e}-{g}-{a}" for e in ("caucasian", "african", "asian")
              for g in ("female", "male") for a in ("young", "old")]  # fmt: skip
    bodies = [f"universal-{g}-{a}-averagemuscle-{w}weight" for g in ("female", "male")
              for a in ("young", "old") for w in ("min", "average", "max")]  # fmt: skip
    macro = np.array([head.macro(n)[used] for n in macros])
    body = np.array([head.macro(n)[used] for n in bodies])
    details = [(p, s) for part, s in SPREAD.items() for p in head.opposites(part)]
    more = np.array([p[0][used] for p, _ in details])
    less = np.array([p[1][used] for p, _ in details])
    sigma = np.array([s for _, s in details])
    out = []
    for _ in range(HEADS):
        ancestry = rng.dirichlet([0.4] * 3)
        sex = np.clip(rng.standard_normal() * 0.3 + rng.integers(2), 0, 1)
        age = rng.random() ** 1.5 * 0.8
        fat = rng.standard_normal() * 0.6
        sexes, ages = np.array([1 - sex, sex]), np.array([1 - age, age])
        weight = np.array([max(0, -fat), 1 - min(1, abs(fat)), max(0, fat)])
        w_macro = np.einsum("e,g,a->ega", ancestry, sexes, ages).ravel()
        w_body = np.einsum("g,a,w->gaw", sexes, ages, weight / weight.sum()).ravel()
        x = np.clip(rng.standard_normal(len(sigma)) * sigma, -0.8, 0.8)
        shape = np.tensordot(w_macro, macro, 1) + np.tensordot(w_body, body, 1)
        shape += np.tensordot(np.maximum(x, 0), more, 1) + np.tensordot(np.maximum(-x, 0), less, 1)
        out.append(head.vertices[used] + shape)
    # Bodies differ in height and size; what counts is the shape about the middle of the face.
    shapes = np.array(out)
    face = (head.vertices[used][:, 1] > 6.3) & (head.vertices[used][:, 2] > 0.5)
    middle = shapes[:, face].mean(1)
    size = np.sqrt(((shapes[:, face] - middle[:, None]) ** 2).sum(-1).mean(1))
    scale = (size.mean() / size)[:, None, None] ** 0.8
    return (shapes - middle[:, None]) * scale + middle.mean(0)


def skeleton(head: HeadData, used: Array) -> tuple[list[str], Array, Array]:
    """Bone names (root, neck, head, then the face's), weights (V, B), and which vertices (V,) line
    the eye sockets and had none: they go with what is beside them."""

    def under_face(bone: str | None) -> bool:
        while bone:
            if bone == "face":
                return True
            bone = head.bones.get(bone, {}).get("parent")
        return False

    index = -np.ones(len(head.vertices), int)
    index[used] = np.arange(len(used))
    columns: dict[str, Array] = {b: np.zeros(len(used)) for b in ("root", "neck", "head")}
    for bone, rows in head.weights.items():
        if bone.startswith(("DEF-", "mhmask")):
            continue
        face_bone = bone != "face" and under_face(bone)
        name = bone if face_bone else {
            "spine.006": "head", "face": "head", "spine.005": "neck",
        }.get(bone, "root")  # fmt: skip
        mine = np.array([(index[i], w) for i, w in rows if index[i] >= 0])
        if len(mine):
            column = columns.setdefault(name, np.zeros(len(used)))
            np.add.at(column, mine[:, 0].astype(int), mine[:, 1])
    names = list(columns)
    weights = np.stack([columns[b] for b in names], 1)
    lining = weights.sum(1) < 1e-6
    balls = weights[:, [names.index(b) for b in ("eye.L", "eye.R")]].any(1)
    bound, points = np.nonzero(~lining & ~balls)[0], head.vertices[used]
    gap = np.linalg.norm(points[lining][:, None] - points[bound], axis=2)
    weights[lining] = weights[bound[gap.argmin(1)]]
    return names, weights / weights.sum(1, keepdims=True), lining


def joints(head: HeadData, bones: list[str], used: Array, base: Array) -> tuple[Array, Array]:
    """Joints (B, 3) on the base and the used vertices that carry each, padded with -1."""
    index = -np.ones(len(head.vertices), int)
    index[used] = np.arange(len(used))
    source = {"root": "spine.004", "neck": "spine.005", "head": "spine.006"}
    rows, positions = [], []
    for bone in bones:
        ids = head.joint(source.get(bone, bone))
        mine = index[ids][index[ids] >= 0]
        rows.append(mine)
        raw = head.vertices[ids].mean(0)
        moved = (base[mine] - head.vertices[used][mine]).mean(0) if len(mine) else np.zeros(3)
        positions.append(raw + moved)
    padded = -np.ones((len(bones), max(map(len, rows))), int)
    for i, mine in enumerate(rows):
        padded[i, : len(mine)] = mine
    return np.array(positions), padded


def columns_of(base: Array, weights: Array, joint: Array) -> Array:
    """(3V, 9) linear effect of one bone's location, rotation (radians) and scale."""
    r = base - joint
    out = []
    for axis in range(3):
        z = np.zeros_like(base)
        z[:, axis] = weights
        out.append(z)
    out += [weights[:, None] * np.cross(np.eye(3)[axis], r) for axis in range(3)]
    for axis in range(3):
        z = np.zeros_like(base)
        z[:, axis] = weights * r[:, axis]
        out.append(z)
    return np.stack([o.ravel() for o in out], 1)


def skin(base: Array, weights: Array, joint: Array, motion: Array) -> tuple[Array, Array]:
    """Blended linear part (V, 3, 3) and offset (V, 3) of a motion (B, 9)."""
    linear = face_model.rotation(*motion[:, 3:6].T) * (1 + motion[:, None, 6:9])
    offset = joint + motion[:, :3] - np.einsum("bij,bj->bi", linear, joint)
    return np.einsum("vb,bij->vij", weights, linear), weights @ offset


def around_eyes(bones: list[str], weights: Array, lining: Array) -> tuple[list[Array], Array]:
    """Vertices of the left and the right eyeball, and which vertices (V,) are lids."""
    eyes = [np.nonzero(weights[:, bones.index(f"eye.{s}")] > 0.5)[0] for s in "LR"]
    lid_bones = [i for i, b in enumerate(bones) if b.startswith("lid")]
    return eyes, (weights[:, lid_bones].sum(1) > 0.25) & ~lining


def clear_eyes(points: Array, base: Array, eyes: list[Array], lids: Array) -> Array:
    """Points with the lids pushed out of the eyeballs (radius looked up by direction)."""
    out = points.copy()
    for ball in eyes:
        centre = base[ball].mean(0)
        spokes = base[ball] - centre
        radius = np.linalg.norm(spokes, axis=1)
        spokes = spokes / radius[:, None]
        near = lids & (np.linalg.norm(out - centre, axis=1) < 0.25) & (out[:, 2] > centre[2])
        d = out[near] - centre
        length = np.linalg.norm(d, axis=1)
        closest = np.argsort(-(d / length[:, None]) @ spokes.T, axis=1)[:, :4]
        wanted = radius[closest].max(1) + 0.012
        push = np.clip(wanted - length, 0, 0.05)
        out[near] = out[near] + d / length[:, None] * push[:, None]
    return out


def prune(motion: Array) -> Array:
    """(S, B, 9) without what cannot be seen, and with the TERMS strongest sliders on a channel.
    The correctives, fitted afterwards, make up for it."""
    size = np.repeat((2e-4, 2e-4, 2e-4), 3)  # dm, radians, scale
    motion = np.where(np.abs(motion) < size, 0.0, motion)
    rank = np.argsort(np.argsort(-np.abs(motion), axis=0), axis=0)
    return np.where(rank < TERMS, motion, 0.0)


def sliders(
    head: HeadData,
    used: Array,
    base: Array,
    bones: list[str],
    weights: Array,
    joint: Array,
    lining: Array,
    lips: Array,
) -> dict[str, Array]:
    """Bone motion and corrective of every slider, so that at 1 it meets its target exactly;
    ``lips`` are vertices where they meet."""
    units = expand(AU_UNITS) | expand(LID_UNITS)
    cache: dict[str, Array] = {}
    first = bones.index("head") + 1
    eyes, lids = around_eyes(bones, weights, lining)
    eyeball = np.concatenate(eyes)
    columns = {b: columns_of(base, weights[:, b], joint[b]) for b in range(first, len(bones))}
    off = (base - base[lips].mean(0))[:, :2] / MIDDLE_SPREAD
    where = {
        MIDDLE: np.exp(-(off**2).sum(1, keepdims=True) / 2),
        BELOW: 1 / (1 + np.exp((base[:, 1:2] - BELOW_HEIGHT[0]) / BELOW_HEIGHT[1])),
        "": np.ones((len(base), 1)),
    }
    goals, motions = [], []
    for recipe in units.values():
        target = np.zeros_like(base)
        for unit, w in recipe.items():
            if unit not in cache:
                part = next(prefix for prefix in where if unit.startswith(prefix))
                cache[unit] = where[part] * head.unit(unit.removeprefix(part))[used]
            target += w * cache[unit]
        target[eyeball] = 0  # eyeballs turn by their bones
        goal = base + target
        if np.abs(target[lids]).max() > 0.02:
            goal = clear_eyes(goal, base, eyes, lids)
            target = goal - base
        reach = np.linalg.norm(target, axis=1)
        chosen = [
            b for b in columns
            if bones[b] not in ("eye.L", "eye.R")
            and (weights[:, b] * reach).sum() > 0.04 * reach.max() * weights[:, b].sum()
        ]  # fmt: skip
        a = np.concatenate([columns[b] for b in chosen], 1)
        gram = a.T @ a
        gram += np.eye(len(gram)) * 1e-3 * np.trace(gram) / len(gram)
        motion = np.zeros((len(bones), 9))
        motion[chosen] = np.linalg.solve(gram, a.T @ target.ravel()).reshape(-1, 9)
        goals.append(goal)
        motions.append(motion)
    goals, motion = np.array(goals), prune(np.array(motions))
    names, motions, shapes = [], [], []
    for i, slider in enumerate(units):
        linear, offset = skin(base, weights, joint, motion[i])
        fit = np.einsum("vij,vj->vi", linear, base) + offset
        score = 1 - ((fit - goals[i]) ** 2).sum() / ((goals[i] - base) ** 2).sum()
        print(f"  {slider:10s} bones {np.any(motion[i], axis=1).sum():3d}  R2 {score:.3f}")
        shape = np.linalg.solve(linear, (goals[i] - offset)[:, :, None])[:, :, 0] - base
        names.append(slider)
        motions.append(motion[i])
        shapes.append(shape)
        if slider.startswith("AU43"):
            linear, offset = skin(base, weights, joint, motion[i] * 0.5)
            half = np.einsum("vij,vj->vi", linear, base + shape / 2) + offset
            clear = clear_eyes(half, base, eyes, lids)
            names.append(slider + face_model.HALF)
            motions.append(np.zeros_like(motion[i]))
            shapes.append(np.linalg.solve(linear, (clear - half)[:, :, None])[:, :, 0])
    motion = np.array(motions).astype(np.float32)
    motion[:, :, :3] *= DM
    return {
        "sliders": np.array(names),
        "slider_motion": motion,
        "slider_shape": (np.array(shapes) * DM).astype(np.float32),
    }


def controls(bones: list[str], joint: Array) -> dict[str, Array]:
    """The 208 identity controls as arrays; ranges are set from the prior afterwards."""
    components = list(parameters.SIDED_COMPONENTS + parameters.CENTRE_COMPONENTS)
    table = SIDED_BONES | CENTRE_BONES
    member = np.zeros((len(components), 2, len(bones)), bool)
    pivot = np.zeros((len(components), 3))
    for c, name in enumerate(components):
        for side, swap in ((0, ".L"), (1, ".R")):
            for bone in table[name]:
                if bone.replace(".L", swap) in bones:
                    member[c, side, bones.index(bone.replace(".L", swap))] = True
        pivot[c] = joint[member[c, 0]].mean(0)
        if name in CENTRE_BONES:
            pivot[c, 0] = 0
    names = [p.name for p in parameters.PARAMETERS if p.group == "identity"]
    split = [n.replace(".", "_").rsplit("_", 2) for n in names]
    return {
        "component_bones": member,
        "component_pivot": pivot,
        "component_sided": np.array([c in SIDED_BONES for c in components]),
        "control_component": np.array([components.index(n.split(".")[0]) for n in names]),
        "control_kind": np.array([("move", "turn", "scale").index(s[1]) for s in split]),
        "control_axis": np.array(["xyz".index(s[2]) for s in split]),
        "control_range": np.ones(len(names)),
    }


def prior(model: face_model.FaceModel, sample: Array) -> dict[str, Array]:
    """Ranges, believable directions and what the 208 controls leave over, from random heads (m)."""
    base = model.data["base"]
    n = len(model.data["control_range"])
    columns = []
    eps = 1e-4
    for c in range(n):
        x = np.full(n, 0.5)
        x[c] += eps / 2
        m = model._identity_bones(x)
        blend = np.einsum("vb,bij->vij", model.data["weights"], m)
        moved = np.einsum("vij,vj->vi", blend[:, :, :3], base) + blend[:, :, 3]
        columns.append(((moved - base) / eps).ravel())
    # Believable sizes of each kind (m, radians, log scale) make the ridge fair to all of them.
    size = np.array([0.004, 0.1, 0.12])[model.data["control_kind"]]
    a = np.array(columns).T * size
    gram = a.T @ a
    gram += np.eye(n) * 1e-2 * np.trace(gram) / n
    d = (sample - base).reshape(len(sample), -1)
    x = np.linalg.solve(gram, a.T @ d.T).T
    left = d - x @ a.T
    print(f"  identity R2 {1 - (left**2).sum() / (d**2).sum():.3f}")
    x = 2 * x * size  # amounts: a control moves by 2 (p - 0.5) range
    limit = 3.0 * x.std(0) + 1e-6
    _, s, vt = np.linalg.svd((x - x.mean(0)) / (2 * limit), full_matrices=False)
    keep = 80
    basis = (vt[:keep].T * s[:keep]) / np.sqrt(len(x))
    _, s, vt = np.linalg.svd(left - left.mean(0), full_matrices=False)
    extra = (vt[:24] * s[:24, None] / np.sqrt(len(x))).reshape(24, -1, 3)
    return {
        "control_range": limit,
        "prior": basis.astype(np.float32),
        "extra": extra.astype(np.float16),
    }


def bind(points: Array, base: Array, triangles: Array) -> tuple[Array, Array]:
    """Triangle (N, 3) and barycentric weights (N, 3) under points (N, 2) in the front plane."""
    a, b, c = (base[triangles[:, i], :2] for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    p = points[:, None]
    u = (
        (p[..., 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (p[..., 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    ) / area
    v = (
        (b[:, 0] - a[:, 0]) * (p[..., 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (p[..., 0] - a[:, 0])
    ) / area
    w = np.stack([1 - u - v, u, v], -1)
    inside = w.min(-1) + 0.01 * base[triangles, 2].mean(1)  # of several, the one in front
    inside[w.min(-1) < -0.02] = -9
    best = inside.argmax(1)
    return triangles[best], w[np.arange(len(points)), best]


def brows(base: Array, skin_faces: Array, ridge: Array) -> dict[str, Array]:
    """Strands of the 36 styles, bound to the skin so that they move with it.

    ``ridge`` (5, 2): where the left brow of the bare head runs, from the nose outwards, dm.
    """
    triangles = np.concatenate([skin_faces[:, [0, 1, 2]], skin_faces[:, [0, 2, 3]]])
    corner = base[triangles]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    front = (normal[:, 2] > 0) & (corner[:, :, 2].mean(1) > 0.8) & (corner[:, :, 1].mean(1) > 7.1)
    triangles = triangles[front & (corner[:, :, 1].mean(1) < 8.1)]
    unit = np.zeros_like(base)
    corner = base[triangles]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    for i in range(3):
        np.add.at(unit, triangles[:, i], normal)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    x = np.linspace(0.10, 0.50, 24)
    line = np.stack([x, np.polyval(np.polyfit(ridge[:, 0], ridge[:, 1], 2), x)], -1)
    tri, weight, offset, start, marks = [], [], [], [0], []
    lift = np.array([0.004, 0.010, 0.013])
    for number in range(parameters.BROW_STYLES):
        strands, points = brow_styles.style(number, line)
        right_order = []
        for side in (1, -1):
            flat = strands.reshape(-1, 2) * (side, 1)
            t, w = bind(flat, base, triangles)
            n = np.einsum("kcd,kc->kd", unit[t], w)
            high = np.broadcast_to(lift[None, :, None], strands.shape[:3]).reshape(-1, 1)
            tri.append(t)
            weight.append(w)
            offset.append(n * high * DM)
            roots = flat.reshape(-1, 3, 2, 2)[:, 0, 0]
            # The strand whose root lies nearest to a landmark of the centre line carries it.
            near = ((roots[None] - points[:, None] * (side, 1)) ** 2).sum(-1).argmin(1)
            right_order.append(near * 6 + (0 if side == 1 else len(flat)))
        left, right = right_order
        marks.append(np.concatenate([right[::-1], left]))  # iBUG 17-21 right tail to nose
        start.append(start[-1] + 2 * strands.shape[0] * 6)
    return {
        "brow_triangle": np.concatenate(tri).astype(np.int32),
        "brow_weight": np.concatenate(weight).astype(np.float32),
        "brow_offset": np.concatenate(offset).astype(np.float32),
        "brow_start": np.array(start),
        "brow_landmarks": np.array(marks),
    }


def main() -> None:
    wheel = Path(sys.argv[1])
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != SHA256:
        sys.exit(f"{wheel.name} is not the pinned head data; fetch it again with `make model`")
    head = HeadData(wheel)
    used, faces, part, uv = parts(head)
    sample = heads(head, used, np.random.default_rng(0))
    base = sample.mean(0)
    bones, weights, lining = skeleton(head, used)
    # At rest first: what a slider then clears is its own doing, and two sliders do not clear twice.
    base = clear_eyes(base, base, *around_eyes(bones, weights, lining))
    joint, carried = joints(head, bones, used, base)
    index = -np.ones(len(head.vertices), int)
    index[used] = np.arange(len(used))
    for row, shift in TEETH.items():
        base[index[head.groups[row]]] += shift
    fades = [(s, o, k) for s, row in expand(FADES).items() for o, k in row.items()]
    data = {
        "base": base * DM,
        "faces": faces.astype(np.int32),
        "face_part": part.astype(np.int8),
        "uv": uv.astype(np.float32),
        "parts": np.array(PARTS),
        "bones": np.array(bones),
        "weights": weights.astype(np.float32),
        "joints": joint * DM,
        "joint_vertices": carried,
        "lining": lining,
        "landmarks": index[list(LANDMARKS)],
        "lips": head.texture_mask("lips")[used].astype(np.float32),
        "inside_mouth": head.texture_mask("inside-mouth")[used].astype(np.float32),
        "ears": head.texture_mask("ears")[used].astype(np.float32),
        "fade_slider": np.array([f[0] for f in fades]),
        "fade_other": np.array([f[1] for f in fades]),
        "fade_strength": np.array([f[2] for f in fades]),
    }
    data |= controls(bones, joint * DM)
    data |= sliders(head, used, base, bones, weights, joint, lining, data["landmarks"][60:])
    data |= brows(base, faces[part == 0], base[index[list(LANDMARKS[22:27])], :2])
    draft = data | {"prior": np.zeros((208, 1)), "extra": np.zeros((0, len(base), 3))}
    out = face_model.PATH
    scratch = out.with_name("face_model.part.npz")
    np.savez(scratch, **draft)
    data |= prior(face_model.FaceModel(face_model.stored(scratch)), sample * DM)
    data["base"] = trimmed(base, faces[part == 0]) * DM  # what was fitted above is of the face
    with scratch.open("wb") as f:
        np.savez_compressed(f, **data)
    scratch.replace(out)
    print(
        f"{out.name}: {len(base)} vertices, {len(bones)} bones, {out.stat().st_size / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
