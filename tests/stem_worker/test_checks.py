"""Outputs that no honest separation has are refused."""

import numpy as np
import pytest

from stem_worker.checks import KINDS, check
from stemma.messaging.failures import SeparationImplausible

MIX = (0.1 * np.random.default_rng(2).standard_normal((2, 44_100))).astype(np.float32)


def stems(**changes):
    made = {kind: MIX / np.float32(6) for kind in KINDS}
    return {**made, **changes}


def test_good_stems_are_measured() -> None:
    checked = check(stems(), MIX)
    assert set(checked.measurements) == set(KINDS)
    assert checked.measurements["bass"].samples == MIX.shape[1]
    assert checked.residual_snr_db is not None
    assert checked.residual_snr_db > 100


def test_a_missing_or_a_strange_stem() -> None:
    five = stems()
    del five["piano"]
    with pytest.raises(SeparationImplausible, match="not"):
        check(five, MIX)
    with pytest.raises(SeparationImplausible, match="kazoo"):
        check({**five, "kazoo": MIX}, MIX)


def test_another_length() -> None:
    with pytest.raises(SeparationImplausible, match="guitar has shape"):
        check(stems(guitar=MIX[:, :-1]), MIX)


def test_samples_that_are_not_finite() -> None:
    bad = MIX.copy()
    bad[1, 40_000] = np.nan
    with pytest.raises(SeparationImplausible, match="drums is not finite at sample 40000"):
        check(stems(drums=bad), MIX)


def test_a_sum_that_has_nothing_to_do_with_the_song() -> None:
    with pytest.raises(SeparationImplausible, match="dB from the song"):
        check(stems(other=-MIX * 5), MIX)
    assert check({kind: np.zeros_like(MIX) for kind in KINDS}, MIX).residual_snr_db == pytest.approx(0)
