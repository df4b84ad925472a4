"""Names in any spelling find their like, and a slip finds its nearest."""

import pytest

from mien.core.names import canonical, find, nearest
from mien.core.parameters import SIGNALS


@pytest.mark.parametrize(
    "spelling",
    ["mouthSmileLeft", "MouthSmileLeft", "mouthSmile_L", "mouthSmile.L", "Mouth_Smile_L",
     "mouth_smile_left", "mouthSmileL", "facs_bs_MouthSmileLeft_div2", "Head__mouthSmile_L",
     "mouthSmile__L", "Genesis9__facs_ctrl_MouthSmileLeft", "mouth smile l", "MOUTHSMILELEFT",
     "ｍouthSmileLeft"],
)  # fmt: skip
def test_spellings(spelling):
    assert canonical(spelling) == "mouthsmileleft"


def test_a_trailing_letter_is_not_always_a_side():
    assert canonical("eyeball") == "eyeball" and canonical("LR") == "lr"
    assert (
        canonical("AU12L") == canonical("au_12_left") == canonical("AU012_L") != canonical("AU12")
    )
    assert canonical("jaw_R") == canonical("jawRight") != canonical("jawr")


def test_find():
    assert find("browInnerUp", ["BrowInnerUp", "x"]) == ["BrowInnerUp"]
    assert find("browInnerUp", ["browInnerUp", "BrowInnerUp"]) == ["browInnerUp"]
    assert find("browInnerUp", ["browInnerUp_L", "browInnerUp_R"]) == [
        "browInnerUp_L",
        "browInnerUp_R",
    ]
    assert find("browInnerUp", ["browInnerUp_L"]) == []
    assert find("jaw", ["jawLeft", "jawOpen"]) == []


@pytest.mark.parametrize(
    ("typed", "meant"), [("AU1", "AU01"), ("AU12_L", "AU12.L"), ("head.yawn", "head.yaw")]
)
def test_nearest(typed, meant):
    assert nearest(typed, SIGNALS) == f" (the nearest is {meant!r})"
    assert nearest("xyzzy", SIGNALS) == ""
