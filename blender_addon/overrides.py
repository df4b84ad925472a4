# SPDX-License-Identifier: GPL-3.0-or-later
"""Linked characters: what is keyed must be this file's own, or it is lost with the session."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import bpy

from mien.core.errors import UserError

from .keyframes import Channel
from .rig_names import Character


@contextmanager
def editable(channels: list[Channel], on: Character) -> Iterator[list[Channel]]:
    """The channels, on owners that this file can keep; as it was again where keying fails.

    Blender's override of a hierarchy takes in objects but leaves their shape keys with the library:
    a mesh whose shape keys are among the owners becomes an override too.  UserError, and no change,
    where an object is linked without one.
    """
    used = {channel.owner for channel in channels}
    linked = [
        o for o in on.objects if o.library and used & {o, getattr(o.data, "shape_keys", None)}
    ]
    if linked:
        raise UserError(
            f"{linked[0].name} belongs to a library: make a library override of it first "
            "(Object > Library Override > Make)."
        )
    own = {}
    for mesh in on.meshes:
        keys = mesh.data.shape_keys
        if keys in used and keys.library:
            own[keys] = mesh.data.override_create(remap_local_usages=True)
    owners = {keys: mesh.shape_keys for keys, mesh in own.items()}
    try:
        yield [dataclasses.replace(c, owner=owners.get(c.owner, c.owner)) for c in channels]
    except BaseException:
        for mesh in own.values():
            mesh.user_remap(mesh.override_library.reference)
            bpy.data.meshes.remove(mesh)
        raise
