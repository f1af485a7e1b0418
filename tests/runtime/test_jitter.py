"""No round is in step with another, and the same seed draws the same pauses."""

from __future__ import annotations

import pytest

from engine.runtime.jitter import Jitter


@pytest.mark.req("REQ-SCH1", "247-GATE-4")
def test_a_thousand_pauses_lie_within_ten_percent_differ_and_repeat_with_their_seed() -> None:
    one, same, other = (Jitter(2.0, pct=10.0, seed=seed) for seed in ("DU1", "DU1", "DU2"))

    pauses = [one.next_s() for _ in range(1000)]

    assert all(1.8 <= pause <= 2.0 for pause in pauses)
    assert len(set(pauses)) > 900
    assert max(pauses) - min(pauses) > 0.18
    assert pauses == [same.next_s() for _ in range(1000)]
    assert pauses != [other.next_s() for _ in range(1000)]


def test_without_jitter_every_pause_is_the_interval() -> None:
    assert {Jitter(1.0, pct=0.0, seed="x").next_s() for _ in range(10)} == {1.0}
