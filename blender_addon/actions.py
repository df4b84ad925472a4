# SPDX-License-Identifier: GPL-3.0-or-later
"""Channels become actions or NLA strips, all at once, and can be made anew in the same place.

New actions are filled before anybody plays them, a channel at a time, and taken up in one go.

Every action that is made here remembers, as a custom property, the action that it began as a copy
of.  Keying the same take again starts from there, so that nothing of the last try is left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import bpy

from mien.core.errors import UserError

from .choices import ACTION, RANGE, STRIP
from .keyframes import Channel, key
from .slices import Steps, at_once

BEFORE = "mien before"  # on an action: the one that it began as a copy of, or None


@dataclass
class _State:
    """What animates an owner (action, slot), and what is to.

    old: the action of the last keying, if the owner plays it, and the strip where it does.
    base: what the new action begins as a copy of, and the owner's slot in that.
    strip: whether it goes into a strip.
    """

    action: bpy.types.Action | None
    slot: str
    old: bpy.types.Action | None
    old_strip: bpy.types.NlaStrip | None
    base: bpy.types.Action | None
    base_slot: str
    strip: bool
    channels: list[Channel] = field(default_factory=list)


def write(
    channels: Iterable[Channel],
    label: str,
    where: str = ACTION,
    owners: Iterable[bpy.types.ID] = (),
    again: Collection[bpy.types.Action] = (),
) -> list[bpy.types.Action]:
    """All of :func:`writing` at once."""
    return at_once(writing(channels, label, where, owners, again))


def writing(
    channels: Iterable[Channel],
    label: str,
    where: str = ACTION,
    owners: Iterable[bpy.types.ID] = (),
    again: Collection[bpy.types.Action] = (),
) -> Steps[list[bpy.types.Action]]:
    """Keys the channels and returns the actions made; on any failure the scene is as it was.

    where: ACTION makes a copy of what an owner has, in which only the channels change, and only
    over their time; the old action is kept in the file.  RANGE does the same in the place of the
    old one, for everybody who uses it.  STRIP leaves it alone and puts an NLA strip above it.
    again: the actions of the last keying; on those of the character's ``owners`` that play one, in
    a strip or not, the new ones take their place, users and names.
    """
    state = {owner: _state(owner, where, again) for owner in owners}
    state = {owner: now for owner, now in state.items() if now.old}
    for channel in channels:
        if channel.owner not in state:
            state[channel.owner] = _state(channel.owner, where, again)
        state[channel.owner].channels.append(channel)
    for owner, now in state.items():
        _check(owner, now, where)
    made: dict[bpy.types.Action | bpy.types.ID, bpy.types.Action] = {}
    slots: dict[bpy.types.ID, str] = {}
    try:
        for owner, now in state.items():
            if now.channels:
                source = now.base or owner  # owners that share an action go on sharing one
                if source not in made:
                    made[source] = now.base.copy() if now.base else bpy.data.actions.new(label)
                    made[source].name = f"{owner.name} {label}"
                slots[owner], curves = _curves(made[source], owner, now.base_slot)
                for channel in now.channels:
                    found = curves.find(channel.path, index=channel.index)
                    key(found or curves.new(channel.path, index=channel.index), channel)
                    yield None
    except BaseException:
        for action in made.values():
            bpy.data.actions.remove(action)
        raise
    for owner, now in state.items():
        if now.channels and not now.strip:
            _assign(owner, made[now.base or owner], slots[owner])
        elif now.channels:
            _into_strip(owner, now, made[now.base or owner], slots[owner], label)
        else:
            _leave(owner, now)
    for source, action in made.items():
        _remember(action, source, where == RANGE and not again)
    heirs = {now.old: made.get(now.base or owner) for owner, now in state.items() if now.old}
    for old, heir in heirs.items():
        _replace(old, heir)
    return list(made.values())


def playing(owners: Iterable[bpy.types.ID], actions: Collection[bpy.types.Action]) -> bool:
    """Whether an owner has any of the actions, as its own or in a strip."""
    return any(_state(owner, ACTION, actions).old for owner in owners)


def _state(owner: bpy.types.ID, where: str, again: Collection[bpy.types.Action]) -> _State:
    data = owner.animation_data
    if data is None:
        return _State(None, "", None, None, None, "", where == STRIP)
    action, slot = data.action, _identifier(data)
    if action and action in again:
        return _State(action, slot, action, None, action.get(BEFORE), slot, False)
    for strip in (strip for track in data.nla_tracks for strip in track.strips):
        old = strip.action
        if old and old in again:
            return _State(action, slot, old, strip, old.get(BEFORE), _identifier(strip), True)
    base = None if where == STRIP else action
    return _State(action, slot, None, None, base, slot, where == STRIP)


def _check(owner: bpy.types.ID, now: _State, where: str) -> None:
    data = owner.animation_data
    if data and data.use_tweak_mode:
        raise UserError(f"Leave the NLA tweak mode of {owner.name} first (Tab in the NLA).")
    if where == RANGE and now.base and now.base.library:
        raise UserError(
            f"The action {now.base.name} belongs to a library: choose a new action as output."
        )


def _leave(owner: bpy.types.ID, now: _State) -> None:
    """Takes the last keying away from an owner that has no channels any more."""
    data = owner.animation_data
    if not now.strip:
        _assign(owner, now.base, now.slot)
        return
    track = next(t for t in data.nla_tracks if now.old_strip in t.strips.values())
    data.nla_tracks.remove(track) if len(track.strips) == 1 else track.strips.remove(now.old_strip)


def _into_strip(
    owner: bpy.types.ID, now: _State, action: bpy.types.Action, slot: str, label: str
) -> None:
    data = owner.animation_data or owner.animation_data_create()
    first = min(float(c.frames[0]) for c in now.channels)
    last = max(first + 1, *(float(c.frames[-1]) for c in now.channels))
    strip = now.old_strip
    if strip is None:
        track = data.nla_tracks.new()
        track.name = label
        strip = track.strips.new(label, int(first), action)
        strip.extrapolation = "NOTHING"  # before and after it, all is as it was
    strip.action = action
    if slot:
        strip.action_slot = action.slots[slot]
    strip.action_frame_start, strip.action_frame_end = first, last
    # Neither end may pass the other on the way.
    strip.frame_end = max(last, strip.frame_end)
    strip.frame_start, strip.frame_end = first, last


def _remember(
    action: bpy.types.Action, source: bpy.types.Action | bpy.types.ID, in_its_place: bool
) -> None:
    base = source if isinstance(source, bpy.types.Action) else None
    if base is None:
        return
    if in_its_place:
        name = base.name
        base.user_remap(action)
        base.name, action.name = f"{name} before", name
    action[BEFORE] = base
    if not base.library:
        base.use_fake_user = True


def _replace(old: bpy.types.Action, heir: bpy.types.Action | None) -> None:
    """The heir takes the users and the name of an action; without one it is simply gone."""
    name = old.name
    if heir:
        old.user_remap(heir)
    bpy.data.actions.remove(old)
    if heir:
        heir.name = name


def _identifier(data: bpy.types.AnimData | bpy.types.NlaStrip) -> str:
    """Of the slot in its action, which Blender has from 4.4 on."""
    slot = getattr(data, "action_slot", None)
    return slot.identifier if slot else ""


def _assign(owner: bpy.types.ID, action: bpy.types.Action | None, slot: str) -> None:
    data = owner.animation_data or owner.animation_data_create()
    data.action = action
    if action and slot and slot in action.slots:
        data.action_slot = action.slots[slot]


def _curves(
    action: bpy.types.Action, owner: bpy.types.ID, slot: str
) -> tuple[str, bpy.types.ActionFCurves]:
    """The F-curves of an owner in an action, and its slot there, by default a new one.

    Blender 4.4 put slots into actions and 5.0 took Action.fcurves away; 4.2 knows nothing else.
    """
    if not hasattr(action, "slots"):
        return "", action.fcurves
    found = action.slots.get(slot) or action.slots.new(owner.id_type, owner.name)
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return found.identifier, strip.channelbag(found, ensure=True).fcurves
