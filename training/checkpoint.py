"""Files of training: whole or absent, and read without running what they hold."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import Any, Final, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mien.core.errors import UserError
from mien.core.files import written_whole

Network = TypeVar("Network", bound=nn.Module)

RENDERS: Final = "pairs rendered by mien, nothing else"
SHIPPED: Final = "--shipped"  # what a training may have begun with


def make_folder(path: Path) -> None:
    """UserError where it cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"Cannot make the folder {path} ({reason}): choose another.") from None


def write_file(path: Path, data: bytes) -> None:
    """Writes whole or not at all, making the folder."""
    make_folder(path.parent)
    with written_whole(path) as draft:
        draft.write_bytes(data)


def digest(network: nn.Module) -> str:
    """The sha256 of a network's tensors."""
    state = network.state_dict().values()
    return hashlib.sha256(b"".join(t.cpu().numpy().tobytes() for t in state)).hexdigest()


def write_picture(path: Path, image: NDArray[np.uint8]) -> None:
    """A PNG of RGB (H, W, 3)."""
    write_file(path, cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes())


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Tensors, numbers and strings only, so that reading needs no trust."""
    buffer = BytesIO()
    torch.save(state, buffer)
    write_file(path, buffer.getvalue())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's tensors and numbers; UserError where it is none."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        state["network"], state["step"]
    except Exception:  # torch names a dozen reasons; the user needs one
        raise UserError(f"{path} is no checkpoint of 'mien train'; train again.") from None
    return state


def read_network(path: Path, kind: type[Network]) -> Network:
    """The network of a checkpoint, frozen: it judges and is not taught any more.

    UserError where the file is no checkpoint or holds another network.
    """
    state = read_checkpoint(path)
    try:
        network = kind(**state.get("config", {}))
        network.load_state_dict(state["network"])
    except (RuntimeError, TypeError, ValueError):
        raise UserError(
            f"{path} holds a {state.get('name', 'network')}, not a {kind.__name__}: name another."
        ) from None
    return network.eval().requires_grad_(False)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """A network's tensors by name: of our checkpoints, of a bare state dict, or of a published file
    that keeps one under ``state_dict`` with ``module.`` before each name."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        state = state.get("network", state.get("state_dict", state))
        return {name.removeprefix("module."): tensor for name, tensor in state.items()}
    except Exception:  # as above
        raise UserError(f"{path} holds no network's weights; give another file.") from None


def taught(state: dict[str, Any], name: str) -> dict[str, Any]:
    """What the manifest tells of the training of a checkpoint's network; of a tuned one, under
    ``tuned``, by what lessons and how much each time."""
    about = {
        "data": state.get("data", RENDERS),
        "seeds": state["seeds"],
        "samples": state["samples"],
        "people": state["people"],
        "steps": state["step"],
        "minutes": round(state["spent"] / 60, 1),
        "batch": state["batch"],
        **{k: v for k, v in state["config"].items() if k == "width"},
    }
    before = json.loads(state.get("before", "{}")).get(name)
    if not before:
        return about
    begin = state.get("begin", SHIPPED)
    ran = ("samples", "people", "minutes", "width", "batch")
    last = {key: about[key] for key in ran if key in about}
    return {
        **before,
        "seeds": sorted({*before["seeds"], *about["seeds"]}),
        "steps": before["steps"] + about["steps"],
        "minutes": round(before["minutes"] + about["minutes"], 1),
        "tuned": [*before.get("tuned", []), {"task": state["name"], "begin": begin, **last}],
    }
