"""The render bridge: real renders, the same from any shard, nothing half-written."""

import io
import json
import tarfile

import numpy as np
import pytest

from mien.core.errors import UserError
from mien.core.face_model import PATH

bpy = pytest.importorskip("bpy")
cv2 = pytest.importorskip("cv2")
pytestmark = pytest.mark.skipif(not PATH.exists(), reason="face_model.npz is not built")


def read(folder):
    pairs = {}
    for shard in sorted(folder.glob("*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                pairs[member.name] = tar.extractfile(member).read()
    return pairs


def render(folder, *options):
    from mien.blender_addon import render_pairs

    return render_pairs.main(["--count", "5", "--size", "64", "--out", str(folder), *options])


@pytest.mark.parametrize("flavour", ["wild", "studio"])
def test_pairs_are_whole_and_repeat(tmp_path, flavour):
    assert render(tmp_path / "a", "--flavour", flavour) == 0
    assert render(tmp_path / "b", "--flavour", flavour) == 0
    a, b = read(tmp_path / "a"), read(tmp_path / "b")
    assert len(a) == 5 * 5 and a.keys() == b.keys()
    for name, data in a.items():
        if name.endswith(".png") and "mask" not in name:
            images = [cv2.imdecode(np.frombuffer(d, np.uint8), -1) for d in (data, b[name])]
            assert images[0].shape == (64, 64, 4)
            assert images[0][..., 3].mean() > 40  # a face is there
            assert images[0][..., :3][images[0][..., 3] > 250].std() > 5  # and it is lit
            assert np.abs(images[0].astype(int) - images[1]).mean() < 1
        else:
            assert data == b[name]
    marks = np.load(io.BytesIO(a["0000001.landmarks.npy"]))
    assert marks.shape == (68, 3)
    assert np.load(io.BytesIO(a["0000001.parameters.npy"])).shape == (285,)
    if flavour == "wild":
        assert json.loads(a["0000000.json"])["kind"] == "neutral"
        assert json.loads(a["0000003.json"])["identity"] == 0
        assert json.loads(a["0000004.json"])["identity"] == 1


def test_a_finished_run_renders_nothing_again(tmp_path, capsys):
    render(tmp_path)
    stamp = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    render(tmp_path)
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == stamp
    assert "already" in capsys.readouterr().out


@pytest.mark.parametrize("shard", ["2/2", "x", "-1/3"])
def test_a_bad_shard_is_one_sentence(tmp_path, shard):
    with pytest.raises(UserError, match="0 <= i < n"):
        render(tmp_path, f"--shard={shard}")
