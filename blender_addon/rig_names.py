# SPDX-License-Identifier: GPL-3.0-or-later
"""What a character in the scene offers to a mapping: shape keys, bones and custom properties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

import bpy
import numpy as np

from mien.core.mapping import RigNames


@dataclass(frozen=True)
class Character:
    """An armature (or none) with the meshes that belong to it; ``root`` is what names it."""

    root: bpy.types.Object
    armature: bpy.types.Object | None
    meshes: tuple[bpy.types.Object, ...]

    @property
    def objects(self) -> tuple[bpy.types.Object, ...]:
        """Everything that may carry a custom property, the armature first."""
        return (*((self.armature,) if self.armature else ()), *self.meshes)

    @property
    def keys(self) -> list[bpy.types.Key]:
        """The shape-key blocks of the meshes, each once."""
        keys = (mesh.data.shape_keys for mesh in self.meshes)
        return list(dict.fromkeys(key for key in keys if key))

    @property
    def owners(self) -> tuple[bpy.types.ID, ...]:
        """Everything that may be animated."""
        return (*self.objects, *self.keys)

    @property
    def shape_keys(self) -> tuple[str, ...]:
        """Of all meshes; a basis is not among them."""
        return tuple(
            dict.fromkeys(
                block.name
                for key in self.keys
                for block in key.key_blocks
                if block != key.reference_key
            )
        )

    @property
    def bones(self) -> tuple[str, ...]:
        """Of the armature."""
        return tuple(self.armature.data.bones.keys()) if self.armature else ()

    @property
    def properties(self) -> tuple[str, ...]:
        """The custom properties that hold a number."""
        found = (
            n for o in self.objects for n, value in o.items() if isinstance(value, int | float)
        )
        return tuple(dict.fromkeys(found))

    def names(self) -> RigNames:
        """The names that a mapping can be matched with, and how the bones lie."""
        bones = self.armature.data.bones if self.armature else ()
        return RigNames(
            shape_keys=self.shape_keys,
            bones=self.bones,
            properties=self.properties,
            bone_axes={bone.name: np.array(bone.matrix_local.to_3x3()) for bone in bones},
            location_axes={bone.name: np.eye(3) for bone in bones if not bone.use_local_location},
            bone_heads={bone.name: np.array(bone.head_local) for bone in bones},
        )


def can_be_target(item: bpy.types.Object) -> bool:
    """Whether an object can stand for a character."""
    return item.type in {"ARMATURE", "MESH"}


def there(target: bpy.types.Object | None) -> TypeGuard[bpy.types.Object]:
    """Whether a scene has it: what was deleted lives on while a panel points to it."""
    return target is not None and bool(target.users_scene)


def character(target: bpy.types.Object, others: bpy.types.Collection | None = None) -> Character:
    """The whole character that an armature or any one of its meshes belongs to.

    Without an armature these are the meshes beside it under the same parent.  The meshes in
    ``others`` belong to it too.
    """
    armature = _armature(target)
    more = list(others.all_objects) if others else []
    if armature is None:
        family = (target.parent or target).children_recursive
        return Character(target, None, _meshes([target, *family, *more]))
    bound = [o for o in bpy.data.objects if o.type == "MESH" and o.find_armature() == armature]
    family = armature.children_recursive
    return Character(armature, armature, _meshes([*bound, *family, target, *more]))


def _armature(item: bpy.types.Object | None) -> bpy.types.Object | None:
    """The armature that deforms or carries an object, or that it is."""
    if item is None or item.type == "ARMATURE":
        return item
    return item.find_armature() or _armature(item.parent)


def _meshes(items: list[bpy.types.Object]) -> tuple[bpy.types.Object, ...]:
    return tuple(dict.fromkeys(item for item in items if item.type == "MESH"))
