import csv
import shutil

import numpy as np
import pytest

from mien.core.capture import capture
from mien.core.cli import main
from mien.core.errors import UserError
from mien.core.take import Take
from mien.training.datasets import DISFA_AUS, read_dataset
from mien.training.evaluate_datasets import evaluate_dataset
from mien.training.tables import figure, table_1, table_2, write_tables


@pytest.fixture(scope="module")
def disfa(media, tmp_path_factory):
    """A DISFA of three subjects, of whom one is tested on: a real clip, coded as capture sees it
    but for AU 4, of which the coders saw one degree more."""
    root = tmp_path_factory.mktemp("disfa")
    take = capture(media("smile.mp4"), device="cpu")[0]
    (root / "Videos_LeftCamera").mkdir()
    for who in ("SN001", "SN002", "SN003"):
        shutil.copy(media("smile.mp4"), root / f"Videos_LeftCamera/LeftVideo{who}_comp.avi")
        labels = root / "ActionUnit_Labels" / who
        labels.mkdir(parents=True)
        for au in DISFA_AUS:
            codes = np.clip(np.round(5 * take.signals[f"AU{au:02d}"]) + (au == 4), 0, 5)
            lines = [f"{n},{code:.0f}\n" for n, code in enumerate(codes, 1)]
            (labels / f"{who}_au{au}.txt").write_text("".join(lines))
    return root


def test_a_coder_who_sees_what_capture_sees_agrees_with_it(disfa, tmp_path, capsys):
    assert main(["evaluate", "disfa", str(disfa), "--out", str(tmp_path), "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    with (tmp_path / "table1_disfa.csv").open() as file:
        head, *rows = csv.reader(file)
    assert head[2:] == [*(f"{au:02d}" for au in DISFA_AUS), "Avg"]
    ours = {row[0]: dict(zip(head[2:], map(float, row[2:]), strict=True)) for row in rows
            if row[1] == "mien"}  # fmt: skip
    assert ours["ICC"]["12"] > 0.9 and ours["MAE"]["12"] < 0.35
    assert ours["MAE"]["04"] > 0.5  # the degree that capture does not see
    assert (tmp_path / "table2_disfa.md").read_text() in out and out.startswith("|  |  | 01 |")
    assert "1 subjects" in out


def test_labels_go_by_the_number_of_a_frame(disfa, tmp_path, monkeypatch):
    """A video may have frames that cannot be read; those that follow keep their labels."""

    def torn(*args, **options):
        fields = capture(*args, **options)[0].fields()
        arrays = ("frames", "timestamps", "confidence", "success")
        torn = {name: fields[name][15:] for name in arrays}
        return [Take(signals={k: v[15:] for k, v in fields["signals"].items()}, **torn)]

    monkeypatch.setattr("mien.training.evaluate_datasets.capture", torn)
    assert main(["evaluate", "disfa", str(disfa), "--out", str(tmp_path), "--device", "cpu"]) == 0
    with (tmp_path / "table1_disfa.csv").open() as file:
        rows = [row for row in csv.reader(file) if row[:2] == ["ICC", "mien"]]
    assert float(rows[0][2 + DISFA_AUS.index(12)]) > 0.9


def test_a_clip_that_cannot_be_read_costs_no_other(disfa, tmp_path, capsys):
    """Of the subjects that are not tested on, nothing is read either."""
    root, labels = shutil.copytree(disfa, tmp_path / "disfa"), "ActionUnit_Labels"
    shutil.rmtree(root / labels / "SN001")
    (tested,) = (c for c in read_dataset("disfa", root, tests=True))
    for who in ("SN004", "SN005", "SN006"):  # every third is tested on
        (root / f"Videos_LeftCamera/LeftVideo{who}_comp.avi").write_bytes(b"no video")
    (root / labels / "SN006").mkdir()
    for path in (root / labels / tested.subject).iterdir():
        shutil.copy(path, root / labels / "SN006" / path.name.replace(tested.subject, "SN006"))
    scores = evaluate_dataset("disfa", root, "cpu")
    assert scores["subjects"] == 2 and scores["frames without a face"] == scores["frames"] / 2
    assert scores["ICC"]["AU12"] > 0.9
    assert "SN006_comp.avi is left out: " in capsys.readouterr().err
    tested.footage.write_bytes(b"no video")
    with pytest.raises(UserError, match="Capture sees no coded face"):
        evaluate_dataset("disfa", root, "cpu")


def test_a_folder_that_cannot_be_made_is_told_before_the_work(disfa, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["evaluate", "disfa", str(disfa), "--out", str(tmp_path / "file/x")]) != 0
    assert "Cannot make the folder" in (said := capsys.readouterr().err) and "SN0" not in said


def test_table_1_holds_the_papers_figures_with_its_averages():
    scores = {m: {f"AU{n:02d}": 0.5 for n in DISFA_AUS} for m in ("ICC", "MAE")}
    rows = {(row[0], row[1]): row for row in table_1("disfa", scores)}
    assert rows["ICC", "Song et al. 2020"][-1] == ".61" and rows["ICC", "GENet"][-1] == ".64"
    assert rows["MAE", "Song et al. 2020"][-1] == ".29" and rows["MAE", "mien"][-1] == ".50"
    five = {m: {f"AU{n:02d}": 1.25 for n in (6, 10, 12, 14, 17)} for m in ("ICC", "MAE")}
    rows = {(row[0], row[1]): row for row in table_1("bp4d", five)}
    assert rows["ICC", "Song et al. 2020"][-1] == ".62" and rows["MAE", "GENet"][-1] == ".42"
    assert table_2(scores)[1] == ["ICC", ".33", ".27", ".38", ".61", ".50"]


def test_figures_are_written_as_the_paper_writes_them(tmp_path):
    assert [figure(v) for v in (0.674, 1.084, 0.999, -0.05, 0)] == [
        ".67", "1.08", "1.00", "-.05", ".00",
    ]  # fmt: skip
    text = write_tables(tmp_path, {"one": [["", "a"], ["ICC", ".5"]]})
    assert text == "|  | a |\n|---|---|\n| ICC | .5 |\n"
    assert (tmp_path / "one.csv").read_text() == ",a\nICC,.5\n"
