"""The networks of capture: their files checked against the manifest, opened with onnxruntime."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import onnxruntime as ort

from .errors import UserError

WEIGHTS: Final = Path(__file__).parent / "weights"
NETWORKS: Final = ("finder", "landmarks", "refiner", "estimator", "parser", "recognizer")
DEVICES: Final = ("auto", "cpu", "cuda")
_THREADS: Final = {"finder": 2, "parser": 2}  # the others gain nothing from a second one
_CUDA: Final = "CUDAExecutionProvider"
_CPU: Final = "CPUExecutionProvider"


@dataclass(frozen=True, slots=True)
class Models:
    """Open networks.  ``provider`` is what really runs them; ``note`` says why it is not CUDA where
    that was to be had, and is empty otherwise; ``values`` names the estimator's outputs;
    ``network`` is a sha256 of the two whose features the estimator reads."""

    finder: Any
    landmarks: Any
    refiner: Any
    estimator: Any
    parser: Any
    recognizer: Any
    values: tuple[str, ...]
    provider: str
    note: str
    network: str


def read_manifest(folder: Path = WEIGHTS) -> dict[str, Any]:
    """File name -> what is known of that network; UserError when it is missing or damaged."""
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"The networks are missing from {folder}: install mien again.") from error
    return manifest


def read_network(name: str, manifest: dict[str, Any], folder: Path = WEIGHTS) -> bytes:
    """The file of a network; UserError when it is missing or is not the one of the manifest."""
    file = f"{name}.onnx"
    try:
        data = (folder / file).read_bytes()
    except OSError as error:
        raise UserError(f"{file} is missing from {folder}: install mien again.") from error
    expected = manifest.get(file, {}).get("sha256")
    if hashlib.sha256(data).hexdigest() != expected:
        raise UserError(f"{file} in {folder} is damaged or was exchanged: install mien again.")
    return data


def load(device: str = "auto", folder: Path = WEIGHTS) -> Models:
    """Open the networks on ``"auto"`` (CUDA if it is there), ``"cpu"`` or ``"cuda"``.

    CUDA that cannot be had is no error: the networks then run on the CPU, and ``note`` says why.
    """
    if device not in DEVICES:
        raise UserError(f"There is no device {device!r}: use {', '.join(DEVICES)}.")
    manifest = read_manifest(folder)
    offered = _CUDA in ort.get_available_providers()
    wanted = [_CUDA, _CPU] if offered and device != "cpu" else [_CPU]
    if _CUDA in wanted and hasattr(ort, "preload_dlls"):
        ort.preload_dlls()
    sessions = {
        name: ort.InferenceSession(
            read_network(name, manifest, folder), options(name), providers=wanted
        )
        for name in NETWORKS
    }
    # onnxruntime falls back in silence: only the session knows what runs it.
    provider = str(sessions["estimator"].get_providers()[0])
    seers = "".join(str(manifest[f"{name}.onnx"]["sha256"]) for name in ("landmarks", "refiner"))
    return Models(
        **sessions,
        values=tuple(manifest["estimator.onnx"]["values"]),
        provider=provider,
        note=_why_not_cuda(device, offered, provider),
        network=hashlib.sha256(seers.encode()).hexdigest(),
    )


def options(name: str) -> Any:
    """How capture opens that network."""
    out = ort.SessionOptions()
    out.intra_op_num_threads = _THREADS.get(name, 1)
    # Threads that spin while they wait take most of the second core from Blender, live: 59 ms a
    # frame in all, and not 16.
    out.add_session_config_entry("session.intra_op.allow_spinning", "0")
    out.log_severity_level = 4  # its warnings are about CUDA's absence, which `note` tells
    return out


def _why_not_cuda(device: str, offered: bool, provider: str) -> str:
    if device == "cpu" or provider == _CUDA or (device == "auto" and not offered):
        return ""
    if not offered:
        return "CUDA was asked for, but this onnxruntime has no CUDA: pip install 'mien[gpu]'."
    return "CUDA could not start (no NVIDIA GPU, or its driver or cuDNN is missing): the CPU runs."
