"""What each check says for people: the gate's own refusals, in the gate's own order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import Side
from engine.domain.reasons import Reason
from engine.risk.brakes import Brake, BrakeLevel, BrakeScope, BrakeSet
from engine.risk.exposure import Holding
from engine.risk.gate import check_entry
from engine.risk.losses import Losses
from engine.risk.refusal import Refusal
from engine.risk.verdicts import verdicts
from tests.builders import LIMITS, TEN, proposal, quote, world

HALT = BrakeSet((Brake("b", BrakeLevel.HALT, BrakeScope.ACCOUNT, "", "news", "operator", TEN),))


@given(
    bid=st.floats(50.0, 150.0),
    wide=st.floats(0.0, 2.0),
    stop=st.floats(40.0, 160.0),
    side=st.sampled_from(list(Side)),
    wanted=st.none() | st.integers(-1, 20_000),
    limit=st.none() | st.floats(90.0, 110.0),
    equity=st.sampled_from([float("nan"), 1_000.0, 100_000.0]),
    brakes=st.sampled_from([BrakeSet(), BrakeSet(), BrakeSet(), HALT]),
    lost=st.sampled_from([0.0, 0.0, -2.5]),
    held=st.sampled_from(["", "", "SPY", "QQQ"]),
)
def test_the_first_refusal_is_that_of_the_gate_and_without_one_it_lets_through(
    bid: float,
    wide: float,
    stop: float,
    side: Side,
    wanted: int | None,
    limit: float | None,
    equity: float,
    brakes: BrakeSet,
    lost: float,
    held: str,
) -> None:
    here = world(
        quote=quote(bid=bid, ask=bid + wide),
        net_liquidation_usd=equity,
        brakes=brakes,
        losses=Losses(lost),
        holdings=(Holding(held, 10),) if held else (),
        unit_usd={held: 100.0},
    )
    wish = proposal(side=side, stop_price=stop)

    answer = check_entry(wish, here, LIMITS, wanted=wanted, limit_price=limit)
    said = verdicts(wish, here, LIMITS, wanted=wanted, limit_price=limit)

    first = next((v.refusal for v in said if v.refusal is not None), None)
    if isinstance(answer, Refusal):
        assert first is not None
        assert (first.reason, first.text) == (answer.reason, answer.text)
    else:
        assert first is None
        assert all(v.is_asked for v in said)


def test_every_refusal_is_told_and_not_only_the_first() -> None:
    here = world(brakes=HALT, holdings=(Holding("SPY", 1),), unit_usd={"SPY": 100.0})
    limits = replace(LIMITS, max_gross_exposure_usd=150.0)

    said = verdicts(proposal(stop_price=99.0), here, limits)

    refusing = {v.name: v.refusal.reason for v in said if v.refusal is not None}
    assert refusing == {
        "engine": Reason.HALTED,
        "position": Reason.DUPLICATE_POSITION,
        "gross exposure": Reason.GROSS_EXPOSURE,
    }


def test_without_a_price_the_size_is_not_asked() -> None:
    said = verdicts(proposal(stop_price=99.0), world(quote=None), LIMITS)

    assert [(v.name, v.is_asked) for v in said if not v.is_asked] == [("size", False)]
    assert [v.name for v in said if v.refusal] == ["quote"]


@pytest.mark.parametrize("name", ["session", "quote", "losses", "position", "pace", "size", "gross exposure"])
def test_what_passes_says_what_was_compared_with_what(name: str) -> None:
    said = {v.name: v.figures for v in verdicts(proposal(stop_price=99.0), world(), LIMITS)}

    assert any(character.isdigit() for character in said[name])
    assert " of " in said[name] or name == "session"
