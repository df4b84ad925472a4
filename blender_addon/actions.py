# SPDX-License-Identifier: GPL-3.0-or-later
"""Channels become actions or NLA strips, all at once, and can be made anew in the same place.

New actions are filled before anybody plays them, a channel at a time, and taken up in one go.

Every action that is made here remembers, as a custom property, where its newest keys are and which
action has what they replaced.  Keying again takes out just these keys: nothing of the last try is
left, and whatever else came into the action meanwhile stays.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import bpy
import numpy as np

from mien.core.errors import UserError

from .choices import ACTION, RANGE, STRIP
from .keyframes import KEY_FIELDS, Channel, Numbers, key, stored
from .slices import Steps, at_once

# On an action, of its last keying: "places" (JSON of them) and "before", the action that has there
# what the keying replaced; without it, there was nothing.
KEYED = "mien keyed"

Place = tuple[str, str, int, float, float]  # slot, data path, index, first and last frame


@dataclass
class _State:
    """What animates an owner, and what is to.

    base: what the new action begins as a copy of, and the owner's slot in that.
    again: whether that is the action of the last keying.  old_strip: where that plays, if in one.
    strip: whether the new action goes into a strip.
    """

    base: bpy.types.Action | None
    slot: str
    again: bool
    old_strip: bpy.types.NlaStrip | None
    strip: bool
    channels: list[Channel] = field(default_factory=list)


@dataclass(eq=False)
class _New:
    """An action to be.

    last: where the keys of the last keying were that have been taken out of it.
    before: has what the keys replace.  places: where they are.
    """

    action: bpy.types.Action
    last: list[Place]
    before: bpy.types.Action | None
    places: list[Place] = field(default_factory=list)


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
    a strip or not, copies without that keying take their place, users and names.
    """
    state = {owner: _state(owner, where, again) for owner in owners}
    state = {owner: now for owner, now in state.items() if now.again}
    for channel in channels:
        if channel.owner not in state:
            state[channel.owner] = _state(channel.owner, where, again)
        state[channel.owner].channels.append(channel)
    for owner, now in state.items():
        _check(owner, now, where)
    made: dict[bpy.types.ID, _New] = {}  # owners that share an action go on sharing one
    kept: list[bpy.types.Action] = []
    try:
        for owner, now in state.items():
            source = now.base or owner
            if source not in made:
                made[source] = _begun(now, f"{owner.name} {label}")
                yield None
            if now.channels:
                now.slot = _slot(made[source].action, owner, now.slot)
                made[source].places += (_place(channel, now.slot) for channel in now.channels)
        for source, new in made.items():
            if not _known(new):
                new.before = new.action.copy()
                kept.append(new.before)
                new.before.name = f"{source.name} before"
        for owner, now in state.items():
            for channel in now.channels:
                curves = _curves(made[now.base or owner].action, now.slot)
                found = curves.find(channel.path, index=channel.index)
                key(found or curves.new(channel.path, index=channel.index), channel)
                yield None
    except BaseException:
        for action in (*kept, *(new.action for new in made.values())):
            bpy.data.actions.remove(action)
        raise
    for new in made.values():
        _tidy(new)
    left = [new for new in made.values() if _holds(new)]
    for owner, now in state.items():
        new = made[now.base or owner]
        if new not in left:
            _leave(owner, now)
        elif now.channels and now.strip:
            _into_strip(owner, now, new, label)
        elif now.channels:
            _assign(owner, new.action, now.slot)
    old = {now.base for now in state.values() if now.again}
    for source, new in made.items():
        if source in old:
            _replace(source, new.action)
        elif where == RANGE and source == new.before:
            _take_place(source, new.action)
        if new in left:
            _remember(new)
        else:
            bpy.data.actions.remove(new.action)
    return [new.action for new in left]


def playing(owners: Iterable[bpy.types.ID], actions: Collection[bpy.types.Action]) -> bool:
    """Whether an owner has any of the actions, as its own or in a strip."""
    return any(_state(owner, ACTION, actions).again for owner in owners)


def _state(owner: bpy.types.ID, where: str, again: Collection[bpy.types.Action]) -> _State:
    data = owner.animation_data
    if data is None:
        return _State(None, "", False, None, where == STRIP)
    if data.action and data.action in again:
        return _State(data.action, _identifier(data), True, None, False)
    for strip in (strip for track in data.nla_tracks for strip in track.strips):
        if strip.action and strip.action in again:
            return _State(strip.action, _identifier(strip), True, strip, True)
    base = None if where == STRIP else data.action
    return _State(base, _identifier(data), False, None, where == STRIP)


def _check(owner: bpy.types.ID, now: _State, where: str) -> None:
    data = owner.animation_data
    if data and data.use_tweak_mode:
        raise UserError(f"Leave the NLA tweak mode of {owner.name} first (Tab in the NLA).")
    if where == RANGE and now.base and now.base.library:
        raise UserError(
            f"The action {now.base.name} belongs to a library: choose a new action as output."
        )


def _begun(now: _State, name: str) -> _New:
    """A copy of what an owner has, without what the last keying did to it."""
    action = now.base.copy() if now.base else bpy.data.actions.new(name)
    action.name = name
    last: list[Place] = []
    before = now.base
    if now.again:
        keyed = action.pop(KEYED, {})
        last = [tuple(place) for place in json.loads(keyed.get("places", "[]"))]
        before = keyed.get("before")
    for slot, path, index, first, end in last:
        if curve := _curve(action, slot, path, index):  # or somebody removed it
            _put_back(curve, _curve(before, slot, path, index), first, end)
    return _New(action, last, before)


def _place(channel: Channel, slot: str) -> Place:
    first, last = channel.frames[[0, -1]].astype(np.float32).tolist()  # as keys have them
    return slot, channel.path, channel.index, first, last


def _put_back(
    curve: bpy.types.FCurve, before: bpy.types.FCurve | None, first: float, last: float
) -> None:
    """Between two frames the keys become those of ``before``; modifiers come back with them."""
    parts = [_keys(curve, first, last, inside=False), _keys(before, first, last, inside=True)]
    curve.keyframe_points.clear()
    if parts := [part for part in parts if part]:
        keys = {name: np.concatenate([part[name] for part in parts]) for name in KEY_FIELDS}
        order = np.argsort(keys["co"][:, 0], kind="stable")
        curve.keyframe_points.add(len(order))
        for name, values in keys.items():
            curve.keyframe_points.foreach_set(name, values[order].ravel())
    if before:
        curve.mute = before.mute
        for modifier in () if curve.modifiers else before.modifiers:
            _copy_modifier(modifier, curve)
    curve.update()


def _keys(
    curve: bpy.types.FCurve | None, first: float, last: float, inside: bool
) -> dict[str, Numbers]:
    """All that is stored of the keys between two frames, or of the others; {} without any."""
    if curve is None or not curve.keyframe_points:
        return {}
    frames = stored(curve.keyframe_points, "co")[:, 0]
    wanted = ((frames >= first) & (frames <= last)) == inside
    if not wanted.any():
        return {}
    return {name: stored(curve.keyframe_points, name)[wanted] for name in KEY_FIELDS}


def _copy_modifier(modifier: bpy.types.FModifier, curve: bpy.types.FCurve) -> None:
    new = curve.modifiers.new(modifier.type)
    for name in (p.identifier for p in modifier.bl_rna.properties if not p.is_readonly):
        setattr(new, name, getattr(modifier, name))
    if modifier.type == "ENVELOPE":
        for point in modifier.control_points:
            new.control_points.add(point.frame)
        for name in ("min", "max"):
            values = np.empty(len(modifier.control_points), np.float32)
            modifier.control_points.foreach_get(name, values)
            new.control_points.foreach_set(name, values)  # to assign to one alone may crash Blender


def _known(new: _New) -> bool:
    """Whether ``before`` has what the action holds where keys are to go; what came into the action
    meanwhile it has not."""
    for slot, path, index, first, last in new.places:
        there, known = (
            _keys(_curve(action, slot, path, index), first, last, inside=True)
            for action in (new.action, new.before)
        )
        if there.keys() != known.keys() or (there and not np.array_equal(there["co"], known["co"])):
            return False
    return True


def _tidy(new: _New) -> None:
    """Removes curves in which the last keying was all there was."""
    for slot, path, index, *_ in new.last:
        curve = _curve(new.action, slot, path, index)
        if curve and curve.is_empty:
            _curves(new.action, slot).remove(curve)


def _holds(new: _New) -> bool:
    """Whether there is anything left, or was before the take."""
    if new.before:
        return True
    if not hasattr(new.action, "slots"):
        return bool(new.action.fcurves)
    strips = (strip for layer in new.action.layers for strip in layer.strips)
    return any(bag.fcurves for strip in strips for bag in strip.channelbags)


def _leave(owner: bpy.types.ID, now: _State) -> None:
    """Takes the last keying away from an owner that has nothing else."""
    data = owner.animation_data
    if not now.old_strip:
        data.action = None
        return
    track = next(t for t in data.nla_tracks if now.old_strip in t.strips.values())
    data.nla_tracks.remove(track) if len(track.strips) == 1 else track.strips.remove(now.old_strip)


def _into_strip(owner: bpy.types.ID, now: _State, new: _New, label: str) -> None:
    data = owner.animation_data or owner.animation_data_create()
    first, last = _span(new.places)
    strip = now.old_strip
    if strip is None:
        track = data.nla_tracks.new()
        track.name = label
        strip = track.strips.new(label, int(first), new.action)
        strip.extrapolation = "NOTHING"  # before and after it, all is as it was
    was, at = (strip.action_frame_start, strip.action_frame_end), strip.frame_start
    scale, repeat = strip.scale, strip.repeat
    strip.action = new.action
    if now.slot:
        strip.action_slot = new.action.slots[now.slot]
    if now.old_strip and new.last and not np.allclose(was, shown := _span(new.last)):
        if shown[0] <= was[0] and was[1] <= shown[1]:  # a part of the take, and now the same part
            first, last = (frame + first - shown[0] for frame in was)
        else:  # what it showed of the action beside the take it goes on showing
            first, last = min(first, was[0]), max(last, was[1])
    # Where the user has moved or stretched the strip, it stays.
    start = at + (first - was[0]) * scale if now.old_strip else first
    end = start + (last - first) * scale * repeat
    # Neither end may pass the other on the way.
    strip.action_frame_end = max(last, strip.action_frame_end)
    strip.action_frame_start, strip.action_frame_end = first, last
    strip.frame_end = max(end, strip.frame_end)
    strip.frame_start, strip.frame_end = start, end


def _span(places: Iterable[Place]) -> tuple[float, float]:
    """What a strip shows of them, first and last frame: at least one frame."""
    starts, ends = zip(*(place[3:] for place in places), strict=True)
    return min(starts), max(min(starts) + 1, *ends)


def _take_place(base: bpy.types.Action, action: bpy.types.Action) -> None:
    """The users and the name of the base go to the action that was made of it."""
    name = base.name
    base.user_remap(action)
    base.name, action.name = f"{name} before", name


def _remember(new: _New) -> None:
    new.action[KEYED] = {"places": json.dumps(new.places)}
    if new.before:
        new.action[KEYED]["before"] = new.before
        if not new.before.library:
            new.before.use_fake_user = True


def _replace(old: bpy.types.Action, heir: bpy.types.Action) -> None:
    """The heir takes the users and the name of an action."""
    name = old.name
    old.user_remap(heir)
    bpy.data.actions.remove(old)
    heir.name = name


def _identifier(data: bpy.types.AnimData | bpy.types.NlaStrip) -> str:
    """Of the slot in its action, which Blender has from 4.4 on."""
    slot = getattr(data, "action_slot", None)
    return slot.identifier if slot else ""


def _assign(owner: bpy.types.ID, action: bpy.types.Action, slot: str) -> None:
    data = owner.animation_data or owner.animation_data_create()
    data.action = action
    if slot:
        data.action_slot = action.slots[slot]


def _slot(action: bpy.types.Action, owner: bpy.types.ID, slot: str) -> str:
    """The identifier of an owner's slot in an action, made ready for curves; by default a new one.

    Blender 4.4 put slots into actions and 5.0 took Action.fcurves away; 4.2 knows nothing else.
    """
    if not hasattr(action, "slots"):
        return ""
    found = action.slots.get(slot) or action.slots.new(owner.id_type, owner.name)
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    strip.channelbag(found, ensure=True)
    return str(found.identifier)


def _curves(action: bpy.types.Action, slot: str) -> Any:
    """The F-curves of a slot in an action; None where that has no place for any."""
    if not hasattr(action, "slots"):
        return action.fcurves
    found = action.slots.get(slot)
    strips = (strip for layer in action.layers for strip in layer.strips if found)
    return next((bag.fcurves for bag in (s.channelbag(found) for s in strips) if bag), None)


def _curve(
    action: bpy.types.Action | None, slot: str, path: str, index: int
) -> bpy.types.FCurve | None:
    curves = _curves(action, slot) if action else None
    return curves.find(path, index=index) if curves else None
