"""Small folders in the layouts in which the sets are distributed."""

import numpy as np
import pytest

from mien.core.errors import UserError
from mien.training.datasets import BP4D_AUS, DISFA_AUS, LAYOUTS, read_dataset

DISFA = [*range(1, 14), 16, 17, 18, 21, *range(23, 33)]  # the numbers of its 27 subjects


def write(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def disfa(tmp_path):
    for n in DISFA:
        who = f"SN{n:03d}"
        write(tmp_path / f"Videos_LeftCamera/LeftVideo{who}_comp.avi")
        for au in DISFA_AUS:
            lines = "".join(f"{frame},{au % 6 if frame == 2 else 0}\n" for frame in (1, 2, 3))
            write(tmp_path / f"ActionUnit_Labels/{who}/{who}_au{au}.txt", lines)
    return tmp_path


@pytest.fixture
def bp4d(tmp_path):
    people = [f"F{n:03d}" for n in range(1, 24)] + [f"M{n:03d}" for n in range(1, 19)]
    for who in people:
        for number in (99, 100, 101, 102):
            write(tmp_path / f"2D+3D/{who}/T1/{number:04d}.jpg")
        for au in BP4D_AUS:
            path = tmp_path / f"AUCoding/AU_INT/AU{au:02d}/{who}_T1_AU{au:02d}.csv"
            write(path, f"100,{1 if au == 6 else 0}\n101,9\n102,5\n")
    return tmp_path


def test_disfa_has_27_subjects_of_whom_9_are_tested_on(disfa):
    clips = read_dataset("disfa", disfa)
    assert len(clips) == 27 and sum(clip.testing for clip in clips) == 9
    assert clips[0].subject == "SN001" and not clips[0].testing and clips[2].testing
    assert clips[0].footage == disfa / "Videos_LeftCamera/LeftVideoSN001_comp.avi"
    assert (clips[0].frames == [0, 1, 2]).all()
    assert list(clips[0].intensities) == [f"AU{n:02d}" for n in DISFA_AUS]
    assert (clips[0].intensities["AU04"] == [0, 4, 0]).all()


def test_bp4d_is_split_as_in_fera_and_a_9_is_no_intensity(bp4d):
    clips = read_dataset("bp4d", bp4d)
    tested = {clip.subject for clip in clips if clip.testing}
    assert len(clips) == 41 and len(tested) == 20 and {"F002", "M018"} <= tested
    clip = clips[0]
    assert clip.name == "2D+3D/F001/T1" and (clip.frames == [1, 2, 3]).all()
    assert np.array_equal(clip.intensities["AU06"], [1, np.nan, 5], equal_nan=True)


def test_frames_without_a_picture_are_left_out(bp4d):
    (bp4d / "2D+3D/F001/T1/0101.jpg").unlink()
    clip = read_dataset("bp4d", bp4d)[0]
    assert (clip.frames == [1, 2]).all() and (clip.intensities["AU17"] == [0, 5]).all()


def test_ck_codes_the_peak_and_keeps_100_subjects_for_training(tmp_path):
    for n in range(1, 124):
        for frame in (1, 2):
            write(tmp_path / f"cohn-kanade-images/S{n:03d}/001/S{n:03d}_001_{frame:08d}.png")
    facs = tmp_path / "FACS/S001/001/S001_001_00000002_facs.txt"
    write(facs, "   4.0000000e+00   3.0000000e+00\n   1.7000000e+01   0.0000000e+00\n")
    clips = read_dataset("ck+", tmp_path)
    assert len(clips) == 123 and sum(not clip.testing for clip in clips) == 100
    assert (clips[0].frames == [1]).all() and clips[0].intensities["AU04"] == [3]
    assert np.isnan(clips[0].intensities["AU17"]).all() and not clips[1].intensities


def test_mmi_and_facewarehouse_are_for_training_alone(tmp_path):
    write(tmp_path / "Sessions/1/S001-001.avi")
    write(tmp_path / "Sessions/1/S001-001-oao_aucs.xml", "<annotation/>")
    write(tmp_path / "Sessions/27/S002-004.avi")
    clips = read_dataset("mmi", tmp_path)
    assert [clip.subject for clip in clips] == ["S001", "S002"]
    write(tmp_path / "Tester_1/TrainingPose/pose_0.png")
    write(tmp_path / "Tester_12/TrainingPose/pose_0.png")
    faces = read_dataset("facewarehouse", tmp_path)
    assert [clip.subject for clip in faces] == ["Tester_1", "Tester_12"]
    assert not any(clip.testing or clip.intensities for clip in (*clips, *faces))


@pytest.mark.parametrize("name", LAYOUTS)
def test_another_folder_is_told_what_is_looked_for(name, tmp_path):
    with pytest.raises(UserError, match="as it is distributed: name the folder"):
        read_dataset(name, tmp_path)


def test_missing_and_damaged_codes_are_named(disfa):
    labels = disfa / "ActionUnit_Labels/SN001"
    (labels / "SN001_au9.txt").write_text("not a table\n")
    with pytest.raises(UserError, match="SN001_au9"):
        read_dataset("disfa", disfa)
    (labels / "SN001_au9.txt").unlink()
    with pytest.raises(UserError, match="unpack it again"):
        read_dataset("disfa", disfa)


def test_a_name_that_tells_no_subject_is_refused(tmp_path):
    write(tmp_path / "Videos_LeftCamera/LeftVideoSNx_comp.avi")
    with pytest.raises(UserError, match="restore its name"):
        read_dataset("disfa", tmp_path)
