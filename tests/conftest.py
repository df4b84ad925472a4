"""The real clips, which are not part of the repository."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

MEDIA = Path(os.environ.get("MIEN_MEDIA", Path(__file__).parents[1] / "../shared/media"))


@pytest.fixture(scope="session")
def media() -> Callable[[str], Path]:
    """The path of a real clip by name; skips the test where the clips are not at hand."""

    def find(name: str) -> Path:
        path = MEDIA / name
        if not path.exists():
            pytest.skip(f"no {name} in {MEDIA}; MIEN_MEDIA names the folder of the real clips")
        return path.resolve()

    return find
