"""Clean-up keeps what the face did and removes what it did not."""

import numpy as np
import pytest

from mien.core.cleanup import AUTO_NEUTRAL_LIMIT, Cleanup, clean
from mien.core.errors import UserError
from mien.core.one_euro import OneEuro, one_euro, zero_phase
from mien.core.parameters import REGIONS, SIGNALS
from mien.core.take import Take

RAW = Cleanup(neutral="none", smoothing=0)


def take_of(signals, times=None, success=None, frames=None):
    n = len(next(iter(signals.values())))
    times = np.arange(n) / 30 if times is None else times
    success = np.ones(n, bool) if success is None else success
    return Take(np.arange(n) if frames is None else frames, times, np.ones(n), success, signals)


def test_one_euro_is_an_exact_low_pass_at_irregular_times():
    """At beta 0 every step is the paper's formula with the step's own duration."""
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.uniform(0.005, 0.1, 50))
    values = rng.normal(size=50)
    expected = [values[0]]
    for i in range(1, 50):
        tau = 1 / (2 * np.pi * 1.5)
        alpha = 1 / (1 + tau / (times[i] - times[i - 1]))
        expected.append(alpha * values[i] + (1 - alpha) * expected[-1])
    np.testing.assert_allclose(one_euro(values, times, 1.5, 0), expected, atol=1e-12)


def test_many_samples_at_once_are_one_at_a_time() -> None:
    chance = np.random.default_rng(0)
    values, times = chance.random((50, 3, 2)), np.cumsum(chance.uniform(0.01, 0.1, 50))
    cutoffs = chance.uniform(0.1, 4, (3, 1))
    keep = OneEuro(cutoffs, 2.0)
    expected = [keep(row, now) for row, now in zip(values, times, strict=True)]
    np.testing.assert_allclose(one_euro(values, times, cutoffs, 2.0), expected, atol=1e-12)


def test_one_euro_does_not_depend_on_the_frame_rate():
    """A step seen at 25, 60 or jittered frames per second settles after the same time."""
    rng = np.random.default_rng(2)
    jitter = np.cumsum(rng.uniform(0.002, 0.03, 400))
    probes = np.array([1.1, 1.3, 1.6])
    seen = []
    for times in (np.arange(0, 3, 1 / 120), np.arange(0, 3, 1 / 60), jitter[jitter < 3]):
        smooth = one_euro((times >= 1).astype(float), times, 1.0, 0)
        seen.append(np.interp(probes, times, smooth))
    assert np.ptp(seen, axis=0).max() < 0.05


def test_speed_opens_the_filter():
    times = np.arange(60) / 30
    step = (times > 1).astype(float)
    slow, quick = one_euro(step, times, 0.5, 0), one_euro(step, times, 0.5, 6)
    assert quick[35] > 0.9 > 0.6 > slow[35]


def test_smoothing_takes_jitter_and_leaves_blinks_in_place():
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.uniform(0.02, 0.05, 300))
    blink = np.exp(-(((times - times[150]) / 0.06) ** 2))
    noisy = np.clip(blink + 0.1 + rng.normal(0, 0.03, 300), 0, 1)
    out = clean(take_of({"AU43": noisy}, times), Cleanup(neutral="none")).signals["AU43"]
    assert out[20:120].std() < 0.55 * noisy[20:120].std()
    assert abs(int(out.argmax()) - 150) <= 1
    assert out.max() > 0.8
    off = clean(take_of({"AU43": noisy}, times), RAW).signals["AU43"]
    np.testing.assert_allclose(off, noisy)


def test_zero_phase_does_not_lag():
    times = np.arange(200) / 30
    wave = np.sin(2 * np.pi * 0.5 * times)
    smooth = zero_phase(wave, times, 1.0, 0)[30:-30]
    lags = [np.corrcoef(smooth, wave[30 + k : 170 + k])[0, 1] for k in range(-5, 6)]
    assert int(np.argmax(lags)) == 5
    assert np.argmax(one_euro(wave, times, 1.0, 0)[:60]) > np.argmax(wave[:60])


def test_auto_neutral_is_the_performers_rest():
    n = 200
    smile = np.full(n, 0.12)
    smile[50:100] = 0.9
    out = clean(take_of({"AU12": smile, "head.yaw": np.full(n, 8.0)}), Cleanup(smoothing=0))
    assert out.signals["AU12"][0] == pytest.approx(0)
    assert out.signals["AU12"][60] == pytest.approx((0.9 - 0.12) / 0.88)
    assert out.signals["head.yaw"][0] == 8.0


def test_a_clip_that_smiles_throughout_keeps_its_smile():
    out = clean(take_of({"AU12": np.full(50, 0.8)}), Cleanup()).signals["AU12"]
    assert out.min() == pytest.approx((0.8 - AUTO_NEUTRAL_LIMIT) / (1 - AUTO_NEUTRAL_LIMIT))


def test_marked_neutral_counts_for_angles_too():
    yaw = np.array([5.0, 5.0, 25.0])
    take = take_of({"head.yaw": yaw, "AU01": [0.5, 0.5, 1.0]}, frames=[100, 101, 102])
    out = clean(take, Cleanup(neutral=(100, 101), smoothing=0)).signals
    assert out["head.yaw"].tolist() == [0, 0, 20]
    assert out["AU01"].tolist() == [0, 0, 1]
    with pytest.raises(UserError, match="no face"):
        clean(take, Cleanup(neutral=(1, 2)))


def test_gaps():
    values = np.zeros(90)
    values[40:] = 1.0
    success = np.ones(90, bool)
    success[[10, 11]] = False
    success[20:60] = False
    values[~success] = 0.77  # meaningless
    out = clean(take_of({"AU01": values}, success=success), RAW)
    a = out.signals["AU01"]
    assert a[10] == a[11] == 0
    assert (a[20:46] == 0).all(), "a long gap is held"
    assert (np.diff(a[45:61]) > 0).all() and a[60] == 1, "and left in half a second"
    assert (out.success == success).all()
    edge = clean(take_of({"AU01": [9, 0.3, 0.4, 9]}, success=[0, 1, 1, 0]), RAW).signals["AU01"]
    assert edge.tolist() == [0.3, 0.3, 0.4, 0.4]
    with pytest.raises(UserError, match="no frame with a face"):
        clean(take_of({"AU01": [0.0]}, success=[False]))


def test_gain_strength_limits_and_sides():
    take = take_of({"AU12": [0.6], "AU12.L": [0.6], "AU12.R": [0.2], "AU26": [0.5],
                    "head.yaw": [20.0]})  # fmt: skip
    settings = Cleanup(
        neutral="none", smoothing=0.5, strength=0.5,
        gain={"AU12": 2, "AU12.R": 4, "head.yaw": 2},
        limits={"AU12": (0, 0.5), "head.yaw": (-30, 30)},
    )  # fmt: skip
    out = {k: v[0] for k, v in clean(take, settings).signals.items()}
    assert out == pytest.approx(
        {"AU12": 0.5, "AU12.L": 0.5, "AU12.R": 0.4, "AU26": 0.25, "head.yaw": 30}
    )


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"gain": {"AU1": 1}}, "nearest is 'AU01'"),
        ({"limits": {"head.yawn": (0, 1)}}, "nearest is 'head.yaw'"),
        ({"limits": {"AU01": (1, 0)}}, "wrong way round"),
        ({"smoothing": 2}, "0 to 1"),
        ({"strength": -1}, "negative"),
    ],
)
def test_settings_are_checked(settings, says):
    with pytest.raises(UserError, match=says):
        Cleanup(**settings)


def test_offset_and_own_smoothing():
    noise = np.random.default_rng(4).uniform(0.4, 0.6, 90)
    take = take_of({"AU01": noise, "AU04": noise, "head.yaw": 30 * noise})
    out = clean(
        take, Cleanup("none", smoothing=0, offset={"AU01": 0.2, "head.yaw": 5}, calm={"AU04": 1})
    ).signals
    np.testing.assert_allclose(out["AU01"], noise + 0.2)
    np.testing.assert_allclose(out["head.yaw"], 30 * noise + 5)
    assert out["AU04"].std() < noise.std() / 2
    alone = clean(take_of({"AU04": noise}), Cleanup("none", smoothing=1)).signals["AU04"]
    np.testing.assert_allclose(out["AU04"], alone)


def test_a_mirror_swaps_sides_and_turns():
    take = take_of({"AU12": [0.6], "AU12.L": [0.6], "AU12.R": [0.2], "AU30.L": [0.5],
                    "AU30.R": [0.0], "head.yaw": [10.0], "head.pitch": [5.0],
                    "gaze.yaw": [-8.0], "head.roll": [3.0]})  # fmt: skip
    out = clean(take, Cleanup("none", smoothing=0, mirror=True, gain={"AU12.L": 0.5})).signals
    assert {name: float(values[0]) for name, values in out.items()} == {
        "AU12": 0.6, "AU12.L": 0.1, "AU12.R": 0.6, "AU30.L": 0, "AU30.R": 0.5,
        "head.yaw": -10, "head.pitch": 5, "gaze.yaw": 8, "head.roll": -3,
    }  # fmt: skip


def test_regions_leave_the_take():
    take = take_of({"AU12": [0.6], "AU26": [0.5], "head.yaw": [10.0]})
    assert set(clean(take, Cleanup("none", regions=("jaw", "head"))).signals) == {
        "AU26",
        "head.yaw",
    }
    assert sorted(name for names in REGIONS.values() for name in names) == sorted(SIGNALS)
    with pytest.raises(UserError, match=r"no region 'jaws'.*'jaw'"):
        Cleanup(regions=("jaws",))
