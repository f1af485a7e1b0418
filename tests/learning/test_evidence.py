"""The evidence gate: what opens it, what it costs to be wrong, what closes it, and that nothing is free."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.learning.appetite import APPETITES, AppetiteName
from engine.learning.evidence import EvidenceGate
from engine.learning.ranks import RecentRanks
from engine.learning.threshold import Claim, WhyNot, judged
from engine.learning.wealth import STAKES, Bets

STANDARD = APPETITES[AppetiteName.STANDARD]


def warm_gate(*, alpha: float = 0.05, claims: int = 32) -> EvidenceGate:
    """A gate with one level, its shadow trader flat. Claims so far: 1, 2, … in hundredths of R."""
    gate = EvidenceGate(alpha=alpha)
    for number in range(claims):
        gate.consider(0.01 * (number + 1), number)
        gate.forget_open_trades()
    return gate


def trade(gate: EvidenceGate, outcomes: list[float], *, first: int = 10_000) -> int:
    """Book one shadow trade after the other; returns how many it took until the gate changed."""
    was_open = gate.is_open(0)
    for count, r in enumerate(outcomes):
        gate.consider(10.0, first + count)
        gate.book(first + count, r=r, worst_r=1.0)
        if gate.is_open(0) != was_open:
            return count + 1
    return -1


class TestTheBound:
    @given(st.lists(st.floats(-1, 1), max_size=30))
    def test_wealth_is_the_average_of_six_gamblers_who_bet_fixed_shares(self, gains: list[float]) -> None:
        bets = Bets()
        for gain in gains:
            bets.bet(gain)
        product = [math.prod(1 + stake * gain for gain in gains) for stake in STAKES]
        assert bets.wealth == pytest.approx(sum(product) / 6, rel=1e-9)

    def test_without_an_edge_it_opens_about_as_often_as_alpha_allows_and_not_more(self) -> None:
        rng, opened, runs = np.random.default_rng(7), 0, 300
        signs = rng.choice((-1.0, 1.0), size=(runs, 250))
        for row in signs:
            bets, peak = Bets(), 1.0
            for gain in row.tolist():
                peak = max(peak, bets.bet(gain))
            opened += peak >= 1 * 2 * 1 * 2 / 0.2
        assert 0 < opened / runs <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / runs)

    def test_the_weights_of_all_levels_and_lives_spend_alpha_once(self) -> None:
        gate = EvidenceGate(alpha=0.05)
        spent = 0.0
        for life in range(1, 400):
            gate.lives = life
            spent += sum(1.0 / gate.needed(level) for level in range(400))
        assert 0.98 * 0.05 < spent < 0.05

    def test_a_loss_beyond_twice_the_worst_ruins_and_does_not_break(self) -> None:
        bets = Bets()
        bets.bet(-100.0)
        assert 0.0 <= bets.wealth < 1e-9
        for _ in range(2000):
            bets.bet(1.0)
        assert math.isfinite(bets.wealth)


class TestOpening:
    @pytest.mark.req("FUT-F6")
    def test_nothing_trades_before_there_is_evidence(self) -> None:
        assert EvidenceGate(alpha=0.05).threshold == math.inf
        assert warm_gate().threshold == math.inf

    def test_levels_appear_when_there_are_claims_enough_for_their_quantile(self) -> None:
        assert len(warm_gate(claims=31).report()) == 0
        assert len(warm_gate(claims=32).report()) == 1
        assert len(warm_gate(claims=64).report()) == 2

    def test_a_real_edge_opens_it_at_the_lowest_proven_claim(self) -> None:
        gate = warm_gate()
        count = trade(gate, [0.5] * 100)

        assert 8 < count < 40
        assert gate.threshold == pytest.approx(0.01)
        assert gate.report()[0].progress == 1.0

    def test_a_positive_threshold_is_never_below_zero(self) -> None:
        gate = EvidenceGate(alpha=0.05)
        for number in range(40):
            gate.consider(-1.0, number)
        assert gate.threshold_of(0) == 0.0

    def test_a_shadow_trader_holds_one_trade_at_a_time(self) -> None:
        gate = warm_gate()
        gate.consider(5.0, 100)
        gate.consider(9.0, 101)
        assert (gate.holds(100), gate.holds(101)) == (True, False)

        gate.book(101, r=1.0, worst_r=1.0)
        assert gate.report()[0].trades == 0
        gate.book(100, r=1.0, worst_r=1.0)
        assert gate.report()[0].trades == 1

    @pytest.mark.parametrize("bad", [math.nan, math.inf])
    def test_what_is_not_known_is_booked_nowhere(self, bad: float) -> None:
        gate = warm_gate()
        gate.consider(bad, 99)
        assert not gate.holds(99)
        gate.consider(5.0, 100)
        gate.book(100, r=math.nan, worst_r=1.0)
        gate.consider(5.0, 101)
        gate.book(101, r=1.0, worst_r=0.0)

        report = gate.report()[0]
        assert (report.trades, report.evidence) == (0, 1.0)
        assert not gate.holds(101)

    @pytest.mark.req("FUT-EDGE-5")
    def test_a_drawdown_asks_for_more_evidence_and_at_its_limit_for_more_than_there_is(self) -> None:
        gate = warm_gate()
        trade(gate, [0.5] * 100)
        assert gate.is_open(0)

        gate.drawdown = 0.9
        assert not gate.is_open(0)
        gate.drawdown = 1.0
        assert gate.needed(0) == math.inf
        gate.drawdown = 0.0
        assert gate.is_open(0)


class TestClosing:
    def test_losses_close_it_and_the_next_life_needs_more(self) -> None:
        gate = warm_gate()
        trade(gate, [0.5] * 100)
        needed = gate.needed(0)

        count = trade(gate, [-0.5] * 100, first=20_000)

        assert 4 < count < 25
        assert gate.lives == 2
        assert gate.needed(0) == 3 * needed
        assert gate.report()[0].evidence == 1.0

    def test_one_strike_closes_every_level(self) -> None:
        gate = warm_gate(claims=300)
        for number in range(60):
            gate.consider(10.0, 1000 + number)
            gate.book(1000 + number, r=0.6, worst_r=1.0)
        assert sum(one.is_open for one in gate.report()) > 2

        gate.revoke()

        assert not any(one.is_open for one in gate.report())
        assert gate.threshold == math.inf

    def test_a_trade_begun_before_the_alarm_is_no_evidence_after_it(self) -> None:
        gate = warm_gate()
        gate.consider(5.0, 100)
        gate.revoke()
        gate.book(100, r=1.0, worst_r=1.0)

        assert gate.report()[0].trades == 0
        gate.consider(5.0, 101)
        gate.book(101, r=1.0, worst_r=1.0)
        assert gate.report()[0].trades == 1

    def test_a_good_strategy_is_hardly_ever_closed(self) -> None:
        rng, gate, closed = np.random.default_rng(5), warm_gate(), 0
        trade(gate, [0.5] * 60)
        for number, won in enumerate((rng.random(3000) < 0.65).tolist()):
            gate.consider(10.0, 50_000 + number)
            closed += gate.book(50_000 + number, r=1.0 if won else -1.0, worst_r=1.0)
        assert closed <= 1


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60), st.floats(0, 0.999), st.integers(1, 30))
def test_quantiles_are_those_of_the_last_claims(values: list[float], share: float, window: int) -> None:
    ranks = RecentRanks(window)
    for value in values:
        ranks.add(value)
    last = sorted(values[-window:])
    assert ranks.quantile(share) == last[int(share * len(last))]
    assert len(ranks) == len(last)


def test_a_restart_is_no_second_chance() -> None:
    gate = warm_gate()
    trade(gate, [0.5] * 20)
    gate.revoke()
    trade(gate, [0.4] * 9)
    gate.consider(5.0, 77_777)
    again = EvidenceGate(alpha=0.05)
    again.restore(json.loads(json.dumps(gate.state(), allow_nan=False)))

    for number, r in ((77_777, 0.3), (77_778, -0.2), (77_779, 0.9)):
        for one in (gate, again):
            one.consider(6.0, number)
            one.book(number, r=r, worst_r=1.0)
        assert again.report() == gate.report()
        assert (again.lives, again.threshold) == (gate.lives, gate.threshold)


class TestTheShownThreshold:
    claim = Claim(decision=1, is_up=True, p=0.70, p_move=0.8, move=2.0, cost=0.4)

    @pytest.mark.req("FUT-F6")
    def test_the_probability_needed_is_where_its_own_net_reaches_what_is_proven(self) -> None:
        needed = self.claim.p_needed(0.1)
        assert self.claim._replace(p=needed).net == pytest.approx(0.1)
        assert judged(self.claim, proven_net=0.1, appetite=STANDARD).may_trade

    @pytest.mark.req("FUT-F6")
    def test_below_is_refused_with_both_numbers(self) -> None:
        verdict = judged(self.claim._replace(p=0.64), proven_net=0.1, appetite=STANDARD)
        assert verdict.why_not is WhyNot.BELOW
        assert verdict.threshold == pytest.approx(0.65625)

    def test_it_never_leaves_its_floor_and_a_ceiling_never_lowers_it(self) -> None:
        cheap = judged(self.claim._replace(cost=0.0, p=0.545), proven_net=0.0, appetite=STANDARD)
        dear = judged(self.claim._replace(cost=1.5, p=0.99), proven_net=0.0, appetite=STANDARD)

        assert (cheap.threshold, cheap.why_not) == (0.55, WhyNot.BELOW)
        assert dear.why_not is WhyNot.ABOVE_CEILING
        assert dear.threshold == dear.p_needed > 0.9

    def test_without_evidence_no_confidence_is_enough(self) -> None:
        verdict = judged(self.claim._replace(p=0.999), proven_net=math.inf, appetite=STANDARD)
        assert (verdict.may_trade, verdict.why_not) == (False, WhyNot.NO_EVIDENCE)

    @pytest.mark.parametrize("part", [{"p": math.nan}, {"move": 0.0}, {"cost": math.nan}, {"p_move": 0.0}])
    def test_a_claim_with_a_part_missing_never_trades(self, part: dict[str, float]) -> None:
        assert not judged(self.claim._replace(**part), proven_net=0.0, appetite=STANDARD).may_trade

    def test_who_dares_more_asks_for_less(self) -> None:
        cautious, standard, aggressive = (APPETITES[name] for name in AppetiteName)
        assert cautious.alpha < standard.alpha < aggressive.alpha
        assert cautious.floor > standard.floor > aggressive.floor
        assert cautious.risk_pct < standard.risk_pct < aggressive.risk_pct
        assert cautious.explore_pct == 0.0
