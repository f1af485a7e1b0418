"""A looser limit, and what it would have let through: judged by the limit's own rule, never guessed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.risk.exposure import Holding
from engine.risk.gate import check_entry
from engine.risk.limits import RiskLimits
from engine.risk.loosening import REASONS, Loosened, Refused, loosened
from engine.risk.refusal import Refusal
from engine.risk.selection import Selection
from tests.builders import LIMITS, proposal, world


def refused(signal: str, key: str = "SPY", **changes: object) -> Refused:
    values: dict[str, object] = {
        "signal": signal,
        "key": key,
        "reason": "max_positions",
        "why": "3 of 3 positions in use",
        "value": 3.0,
        "equity_usd": 100_000.0,
        "regime": 1.0,
        "size_factor": 1.0,
    }
    return Refused(**{**values, **changes})  # type: ignore[arg-type]  # names are the tuple's


def test_slots_are_counted_per_signal_and_named_by_symbol() -> None:
    record = [
        refused("a"),
        refused("a"),  # asked again at the next bar
        refused("b", "QQQ"),
        refused("c", "QQQ"),
        refused("d", value=4.0),
        refused("e", reason="max_gross_exposure"),
        refused("f", value=None),
    ]
    four = replace(LIMITS, max_positions=4)

    assert loosened("risk.max_positions", four, record) == Loosened(5, 3, 1, (("QQQ", 2), ("SPY", 1)), 4.0)
    assert loosened("risk.max_positions", replace(LIMITS, max_positions=3), record).let_through == 0


def test_without_a_record_nothing_is_said_to_have_passed() -> None:
    assert loosened("risk.max_positions", LIMITS, []) == Loosened(0, 0, 0, (), None)
    assert loosened("data.warmup_bars", LIMITS, [refused("a")]).refused == 0


def test_a_size_of_nothing_for_another_reason_is_not_the_risks() -> None:
    risk = {"reason": "size_zero", "value": 600.0}
    record = [
        refused("a", why="SPY: 1 would risk 600.00 of 500.00 USD per trade", **risk),
        refused("b", why="SPY: one would move 600.00 of 500.00 USD in a session", **risk),
    ]
    found = loosened("risk.risk_per_trade_pct", replace(LIMITS, risk_per_trade_pct=0.6), record)

    assert (found.refused, found.let_through, found.highest) == (1, 1, 600.0)


@pytest.mark.parametrize("missing", ["equity_usd", "regime"])
def test_what_lacks_a_figure_is_told_and_not_judged(missing: str) -> None:
    record = [refused("a", reason="max_position_size", value=10.0, **{missing: None})]
    found = loosened("risk.max_position_size_pct", LIMITS, record)

    assert (found.refused, found.let_through, found.not_judged) == (1, 0, 1)


@pytest.mark.parametrize(
    ("regime", "value", "passes"),
    [
        (1.0, 6_000.0, 1),
        (1.0, 6_000.01, 0),
        (0.6, 3_600.0, 1),
        (0.6, 3_601.0, 0),
        (1.5, 7_200.0, 1),
        (1.5, 7_201.0, 0),
    ],
)
def test_a_cap_in_percent_follows_the_regime_up_to_its_own_cap(
    regime: float, value: float, passes: int
) -> None:
    record = [refused("a", reason="max_position_size", value=value, regime=regime)]
    six = replace(LIMITS, max_position_size_pct=6.0)

    assert loosened("risk.max_position_size_pct", six, record).let_through == passes


@given(
    key=st.sampled_from(sorted(REASONS)),
    old=st.floats(0.1, 4.0),
    times=st.floats(0.5, 8.0),
    equity=st.floats(1_000.0, 20_000.0),
    regime=st.sampled_from([0.6, 1.0, 1.2, 1.5]),
)
def test_what_is_said_to_pass_is_what_the_gate_lets_through_at_that_limit(
    key: str, old: float, times: float, equity: float, regime: float
) -> None:
    new = old * times

    def limits(value: float) -> RiskLimits:
        name = key.partition(".")[2]
        wide = replace(
            LIMITS, max_position_size_pct=100.0, max_total_at_risk_pct=1000.0, risk_per_trade_pct=5.0
        )
        wide = replace(wide, max_positions=9)
        return replace(wide, **{name: max(1, int(value)) if name == "max_positions" else value})

    held, unit_usd = (Holding("AMD", 1), Holding("TSLA", 1)), {"AMD": 100.0, "TSLA": 100.0}
    chosen = Selection(regime_multiplier=regime)
    here = world(net_liquidation_usd=equity, holdings=held, unit_usd=unit_usd, selection=chosen)
    wish = proposal(stop_price=90.0)
    answer = check_entry(wish, here, limits(old))
    if not isinstance(answer, Refusal) or answer.reason is not REASONS[key]:
        return
    record = refused(
        "s", reason=answer.reason.value, why=answer.text, value=answer.value, equity_usd=equity, regime=regime
    )
    then = check_entry(wish, here, limits(new))
    said = loosened(key, limits(new), [record])
    if said.refused:  # a size of nothing has other causes, too
        again = isinstance(then, Refusal) and then.reason is answer.reason and then.limit != answer.limit
        again = again or then == answer
        assert bool(said.let_through) != again, (answer, then)
