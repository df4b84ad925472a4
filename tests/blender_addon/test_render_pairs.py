"""The render bridge: real renders, the same from any shard, nothing half-written."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from mien.core import parameters
from mien.core.errors import UserError
from mien.core.face_model import PATH, FaceModel

bpy = pytest.importorskip("bpy")
cv2 = pytest.importorskip("cv2")
from mien.blender_addon import render_pairs, render_shards  # noqa: E402

pytestmark = pytest.mark.skipif(not PATH.exists(), reason="face_model.npz is not built")


def read(folder):
    pairs = {}
    for shard in sorted(folder.glob("*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                pairs[member.name] = tar.extractfile(member).read()
    return pairs


def render(folder, *options, count=5):
    return render_pairs.main(
        ["--count", str(count), "--size", "64", "--out", str(folder), *options]
    )


def pixels(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), -1).astype(int)


def assert_same(a, b):
    """Byte for byte, but for the pictures: within a grey level, as their bytes tell the time."""
    assert a.keys() == b.keys()
    for name, data in a.items():
        if name.endswith(".png") and not name.endswith(".mask.png"):
            assert np.abs(pixels(data) - pixels(b[name])).mean() < 1
        else:
            assert data == b[name], name


@pytest.mark.parametrize("flavour", ["wild", "studio", "alone"])
def test_pairs_are_whole_and_repeat(tmp_path, flavour):
    assert render(tmp_path / "a", "--flavour", flavour) == 0
    assert render(tmp_path / "b", "--flavour", flavour) == 0
    a = read(tmp_path / "a")
    assert len(a) == 5 * 5
    assert_same(a, read(tmp_path / "b"))
    for index in range(5):
        picture, mask = pixels(a[f"{index:07d}.png"]), pixels(a[f"{index:07d}.mask.png"])
        assert picture.shape == (64, 64, 4) and mask.shape == (64, 64)
        assert picture[..., 3].mean() > 40  # a face is there
        assert picture[..., :3][picture[..., 3] > 250].std() > 5  # and it is lit
    marks = np.load(io.BytesIO(a["0000001.landmarks.npy"]))
    assert marks.shape == (68, 3) and set(marks[:, 2]) <= {0, 1} and marks[:, 2].mean() > 0.4
    assert np.load(io.BytesIO(a["0000001.parameters.npy"])).shape == (285,)
    about = [json.loads(a[f"{i:07d}.json"]) for i in range(5)]
    centre, side = np.array(about[1]["box"][:2]), about[1]["box"][2]
    assert (np.abs(marks[:, :2] - centre) < side).all()
    assert about[1]["seed"] == 0 and about[1]["flavour"] == flavour
    if flavour != "studio":
        assert about[0]["kind"] == "neutral" and len(about[0]["person"]["skin"]) == 3
        assert about[3]["identity"] == 0 and about[4]["identity"] == 1


def test_of_the_flavour_alone_one_unit_moves_and_nothing_else(tmp_path):
    assert render(tmp_path, "--flavour", "alone", "--seed", "3") == 0
    files = read(tmp_path)
    rest, *moved = (np.load(io.BytesIO(files[f"{i:07d}.parameters.npy"])) for i in range(4))
    assert (rest[parameters.group("au")] == 0).all()
    for y, au in zip(moved, ("AU01", "AU02", "AU04"), strict=True):
        assert np.flatnonzero(y != rest).tolist() == [parameters.INDEX[au]]
        assert 0.4 <= y[parameters.INDEX[au]] <= 1
    about = [json.loads(files[f"{i:07d}.json"]) for i in range(4)]
    assert about[0]["lights"] == about[3]["lights"] and about[0]["held"] == about[3]["held"] == ""


def test_a_finished_run_renders_nothing_again(tmp_path, capsys):
    render(tmp_path)
    stamp = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    render(tmp_path)
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == stamp
    assert "already" in capsys.readouterr().out


# A command of its own with shards of two pairs.
SCRIPT = """
import os, resource, sys
from mien.blender_addon import __main__ as command, render_pairs
render_pairs.PER_SHARD = 2
if limit := os.environ.get("FILE_LIMIT"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
command.leave(command.run(sys.argv[1:]))
"""


def start(folder, **environment):
    arguments = ["render-pairs", "--count", "6", "--size", "64", "--out", str(folder)]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | environment,
    )  # fmt: skip


def test_shares_and_kills_change_no_pair(tmp_path, monkeypatch):
    monkeypatch.setattr(render_pairs, "PER_SHARD", 2)
    render(tmp_path / "whole", count=6)
    whole = read(tmp_path / "whole")
    for share in ("1/2", "0/2"):
        render(tmp_path / "shared", "--shard", share, count=6)
    assert_same(whole, read(tmp_path / "shared"))
    run = start(tmp_path / "killed")
    assert any("2/6 pairs" in line for line in run.stdout)  # Blender 5.0 logs there too
    run.kill()
    run.communicate()
    assert 0 < len(read(tmp_path / "killed")) < len(whole)  # what is there can be read
    render(tmp_path / "killed", count=6)
    assert_same(whole, read(tmp_path / "killed"))


# Where Ctrl+C works, although a shell in the background has it ignored.
INTERRUPTIBLE = """
import signal, sys
from mien.core import cli
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no group of processes to send a signal to")
def test_ctrl_c_waits_until_all_is_tidy(tmp_path):
    run = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "render-pairs", "--count", "300", "--out", tmp_path],
        text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        while not list(tmp_path.glob(f"{render_shards.PART}*/picture.png")):
            assert run.poll() is None
            time.sleep(0.05)
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does
        _, said = run.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
    assert (run.returncode, said) == (130, "mien: stopped.\n")
    assert not list(tmp_path.iterdir())


def test_a_torn_or_short_shard_is_rendered_again(tmp_path):
    render(tmp_path, count=1)
    render(tmp_path, count=2)
    pairs = read(tmp_path)
    assert len(pairs) == 2 * 5
    shard = tmp_path / "pairs-00000.tar"
    shard.write_bytes(shard.read_bytes()[:9000])
    render(tmp_path, count=2)
    assert_same(pairs, read(tmp_path))


def test_leftovers_go_when_nobody_can_be_at_work_on_them(tmp_path):
    for name in ("old", "new"):
        part = tmp_path / f"{render_shards.PART}{name}"
        part.mkdir()
        (part / "picture.png").write_bytes(b"")
    for path in (tmp_path / ".part-old" / "picture.png", tmp_path / ".part-old"):
        os.utime(path, (0, 0))
    render_shards.remove_leftovers(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [".part-new"]


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file size")
@pytest.mark.parametrize("limit", ["2000", "15000"])  # within a picture, between two
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, limit):
    run = start(tmp_path, FILE_LIMIT=limit)
    _, said = run.communicate()
    assert run.returncode == 2
    assert said.count("\n") == 1 and "free some space and run again" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(
    sys.platform != "linux" or any(Path("/dev").glob("dri/renderD*")) or Path("/dev/dxg").exists()
    or Path("/dev/nvidia0").exists(),
    reason="there is a graphics card",
)  # fmt: skip
def test_eevee_without_a_graphics_card_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="--engine cycles"):
        render(tmp_path, "--engine", "eevee")


def test_another_seed_does_not_mix_in(tmp_path):
    render(tmp_path, count=1)
    with pytest.raises(UserError, match="--seed 0, not 1"):
        render(tmp_path, "--seed", "1")


def test_depth_and_normals_are_of_the_face(tmp_path):
    # Of a face that looks ahead: beside a nose in profile a pixel is of the cheek behind it.
    render(tmp_path, "--geometry", "--flavour", "studio", "--seed", "1", count=1)
    pair = read(tmp_path)
    depth, normals = (pixels(pair[f"0000000.{name}.png"]) for name in ("depth", "normals"))
    mask = pixels(pair["0000000.mask.png"])
    assert ((depth > 0) == (mask > 0)).all() and ((normals != 128).any(-1) == (mask > 0)).all()
    unit = (normals[mask > 0] - 128) / 127  # blue, the first, is z
    assert np.abs(np.linalg.norm(unit, axis=-1) - 1).max() < 0.02 and unit[:, 0].min() > -0.2
    # The bridge of the nose is as far away as the model has it.
    model, y = FaceModel(), np.load(io.BytesIO(pair["0000000.parameters.npy"])).astype(float)
    identity = y[parameters.IDENTITY]
    points = model.landmarks(model.evaluate(y), model.person(identity))[27:31]
    marks = np.load(io.BytesIO(pair["0000000.landmarks.npy"]))[27:31]
    shown = marks[:, 2] > 0
    column, row = marks[shown, :2].astype(int).T
    away = np.abs(depth[row, column] / 1e4 - (1.3 - points[shown, 2]))
    assert shown.sum() >= 3 and np.median(away) < 0.005  # a pixel is 4 mm wide
    with pytest.raises(UserError, match=r"with depth and normals: .* add --geometry"):
        render(tmp_path, "--flavour", "studio", "--seed", "1", count=2)


def test_card_and_preview_tell_of_all_pairs(tmp_path):
    sheet = tmp_path / "sheet.png"
    render(tmp_path, count=5)
    before = {p.name for p in tmp_path.iterdir()}
    assert render_pairs.main(["--out", str(tmp_path), "--preview", str(sheet)]) == 0
    assert {p.name for p in tmp_path.iterdir()} == before | {"sheet.png"}
    drawn = cv2.imread(str(sheet))
    assert drawn.shape[1] > 1000 and (drawn == (60, 220, 90)[::-1]).all(-1).sum() > 100
    card = (tmp_path / "CARD.md").read_text(encoding="utf-8")
    assert "5 pairs of 2 people, 64 x 64 px: 3 expression, 2 neutral" in card
    assert "| AU12 | lip corner puller |" in card and "| hair: " in card


@pytest.mark.parametrize("options", [["--preview", "x.png"], ["--preview", "x.jpg"], []])
def test_nothing_to_draw_or_do_is_one_sentence(tmp_path, options):
    with pytest.raises(UserError, match=r"--count|\.png"):
        render_pairs.main(["--out", str(tmp_path), *options])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shard", ["2/2", "x", "-1/3"])
def test_a_bad_shard_is_one_sentence(tmp_path, shard):
    with pytest.raises(UserError, match="0 <= i < n"):
        render(tmp_path, f"--shard={shard}")


def test_more_rays_show_more_and_are_not_mixed_with_fewer(tmp_path):
    pictures = {}
    for rays in (3, 12, 96):
        render(tmp_path / str(rays), "--samples", str(rays), count=2)
        files = read(tmp_path / str(rays))
        names = [n for n in files if n.endswith(".png") and not n.endswith(".mask.png")]
        pictures[rays] = np.stack([pixels(files[name]) for name in names])
    few, more = (np.abs(pictures[rays] - pictures[96]).mean() for rays in (3, 12))
    assert more < 0.8 * few
    assert "--samples 12 --count" in (tmp_path / "12" / "CARD.md").read_text()
    assert "--samples" not in (tmp_path / "3" / "CARD.md").read_text()
    with pytest.raises(UserError, match="--samples 12, not 3"):
        render(tmp_path / "12")
    with pytest.raises(UserError, match="--samples must be at least 1"):
        render(tmp_path / "none", "--samples", "0")
    assert not (tmp_path / "none").exists()


def test_pairs_from_before_rays_were_told_go_on_with_as_many(tmp_path):
    render(tmp_path, count=2)
    (shard,) = tmp_path.glob("*.tar")
    files = read(tmp_path)
    with tarfile.open(shard, "w") as tar:
        for name, data in files.items():
            if name.endswith(".json"):
                about = json.loads(data)
                assert about.pop("samples") == 3
                data = json.dumps(about).encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with pytest.raises(UserError, match="--samples 3, not 12"):
        render(tmp_path, "--samples", "12", count=3)
    render(tmp_path, count=3)
    assert "--size 64 --count 3" in (tmp_path / "CARD.md").read_text()
