"""``mien doctor``: what works here, what is missing, and how to get it."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path
from typing import Final

from . import models
from .errors import UserError

PACKAGES: Final = {
    "numpy": "",
    "opencv-python-headless": "",
    "onnxruntime": "",
    "onnxruntime-gpu": "for CUDA: pip install 'mien[gpu]'",
    "bpy": "for animate and render-pairs: pip install 'mien[blender]' (Python 3.11)",
    "torch": "for train: pip install 'mien[train]'",
}


def report() -> int:
    """Print the state of things; 0 when capture works, else 2."""
    print(f"mien {_version('mien')}, Python {platform.python_version()}, {platform.platform()}")
    for package, use in PACKAGES.items():
        version = _version(package)
        print(
            f"  {package}: {version or 'not installed'}{'' if version or not use else ', ' + use}"
        )
    model = Path(__file__).parent / "face_model.npz"
    print(f"  face model: {'there' if model.exists() else 'not built yet (make test builds it)'}")
    try:
        loaded = models.load()
    except UserError as error:
        print(f"  networks: {error}")
        return 2
    print(f"  networks: as in the manifest, run by {loaded.provider}")
    if loaded.note:
        print(f"  {loaded.note}")
    return 0


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
