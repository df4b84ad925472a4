"""Trained networks to ONNX files with a manifest: `mien export CHECKPOINTS`.

Opset 17 and the legacy exporter, because onnxruntime 1.18 must run them.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch import nn

from mien.core import models
from mien.core.errors import UserError
from mien.core.models import WEIGHTS
from mien.training import networks
from mien.training.checkpoint import SHIPPED, read_checkpoint, read_network, taught, write_file
from mien.training.lightcnn import load_lightcnn
from mien.training.model_card import model_card
from mien.training.regressor import load_reader
from mien.training.task_joint import Joint

OPSET: Final = 17
TOLERANCE: Final = 1e-4


def to_onnx(name: str, network: nn.Module) -> bytes:
    """The network as an ONNX file, checked against torch on random input with onnxruntime.

    Raises RuntimeError where the two differ by more than ``TOLERANCE``, of the largest value where
    that is above 1.
    """
    network = network.eval().cpu()
    inputs, outputs = networks.example(name), networks.OUTPUTS[name]
    # The finder looks at frames of any size, the others at any number of faces.
    axes = {2: "h", 3: "w"} if name == "finder" else {0: "n"}
    free = {key: axes for key in (*inputs, *outputs)}
    buffer = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(
            network, tuple(inputs.values()), buffer, input_names=list(inputs),
            output_names=list(outputs), dynamic_axes=free, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
        inputs = networks.example(name, batch=1 if name == "finder" else 3)
        result = network(*inputs.values())
    model = buffer.getvalue()
    expected = result if isinstance(result, tuple) else (result,)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    found = session.run(list(outputs), {key: value.numpy() for key, value in inputs.items()})
    for label, want, have in zip(outputs, expected, found, strict=True):
        worst = float(np.abs(want.numpy() - have).max() / max(1.0, want.abs().max()))
        if not worst < TOLERANCE:
            raise RuntimeError(f"{name}: output {label} differs by {worst:.2g} in onnxruntime")
    return model


def describe(name: str, model: bytes, training: dict[str, Any]) -> dict[str, Any]:
    """The manifest's entry of one file."""
    return {
        "sha256": hashlib.sha256(model).hexdigest(),
        "bytes": len(model),
        "inputs": {k: list(v.shape[1:]) for k, v in networks.example(name).items()},
        "outputs": list(networks.OUTPUTS[name]),
        **({"values": list(networks.VALUES)} if name == "estimator" else {}),
        "licence": "Apache-2.0",
        **training,
    }


def halfway(before: bytes, after: bytes) -> bytes:
    """The ONNX file whose weights are the mean of those of two, of which one was taught on from the
    other: it errs less than either, as their errors differ (Wortsman et al., CVPR 2022)."""
    one, model = onnx.load_from_string(before), onnx.load_from_string(after)
    for old, new in zip(one.graph.initializer, model.graph.initializer, strict=True):
        mean = (numpy_helper.to_array(old) + numpy_helper.to_array(new)) / 2
        new.CopyFrom(numpy_helper.from_array(mean.astype(np.float32), new.name))
    return bytes(model.SerializeToString())


def export(
    name: str,
    network: nn.Module,
    training: dict[str, Any],
    folder: Path = WEIGHTS,
    before: bytes | None = None,
) -> Path:
    """Writes ``folder/NAME.onnx``, halfway from ``before`` where that is given, and its entry in
    ``folder/manifest.json``.

    ``training`` says what it was trained on and how it scored: {"training": ..., "scores": ...}.
    """
    model = to_onnx(name, network)
    if before is not None:
        model = halfway(before, model)
    path, manifest = folder / f"{name}.onnx", folder / "manifest.json"
    entries = json.loads(manifest.read_text()) if manifest.exists() else {}
    entries[path.name] = describe(name, model, training)
    write_file(path, model)
    write_file(manifest, (json.dumps(entries, indent=1, sort_keys=True) + "\n").encode())
    return path


def _networks(path: Path) -> dict[str, nn.Module]:
    """What is shipped of a checkpoint, by name."""
    if path.stem == "regressor":
        parser = path.with_name("parser.pt")
        return {"regressor": load_reader(path, parser if parser.exists() else None)}
    if path.stem == "joint":
        return read_network(path, Joint).parts()
    if path.stem == "recognizer":
        return {"recognizer": load_lightcnn(path)}
    return {path.stem: read_network(path, networks.NETWORKS[path.stem])}


def export_folder(runs: Path, folder: Path = WEIGHTS, mean: bool = False) -> list[Path]:
    """Exports every checkpoint of a training folder, and writes ``MODEL_CARD.md`` beside them.

    R becomes one file with the F_seg of the same folder, or the shipped one.  With ``mean`` go out
    the means of the networks and those that ship, from which they were taught on.
    """
    found = [runs / f"{name}.pt" for name in ("joint", *networks.OUTPUTS)]
    found = [path for path in found if path.exists()]
    if not found:
        raise UserError(f"{runs} holds no checkpoint; make one with 'mien train'.")
    if found[0].stem == "joint" and (again := [p for p in found if p.stem in Joint().parts()]):
        raise UserError(
            f"{again[0]} and {found[0]} both hold the {again[0].stem} network: "
            "move the one that is not to be exported to another folder."
        )
    states = {path: read_checkpoint(path) for path in found}
    for path, state in states.items() if mean else ():
        if json.loads(state.get("before", "{}")) and state.get("begin", SHIPPED) == SHIPPED:
            continue
        raise UserError(
            f"{path} did not begin with what ships: leave out --mean, or teach with --shipped."
        )
    written = []
    for path, state in states.items():
        scores = json.loads(state["scores"])
        for name, network in _networks(path).items():
            about = {"training": taught(state, name), "scores": scores.get(name, scores)}
            before = None
            if mean:
                before = models.read_network(name, models.read_manifest())
                about["training"]["tuned"][-1]["mean"] = True
            written.append(export(name, network, about, folder, before))
    return [*written, write_card(folder)]


def write_card(folder: Path) -> Path:
    """Writes ``MODEL_CARD.md`` of a folder of networks."""
    card = folder / "MODEL_CARD.md"
    entries = json.loads((folder / "manifest.json").read_text("utf-8"))
    write_file(card, model_card(entries).encode())
    return card
