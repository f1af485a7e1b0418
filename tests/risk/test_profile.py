"""A strategy's profile holds at the gate and at the last look, whatever the limits would allow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.domain.instrument import Instrument
from engine.domain.order import Side
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.gate import check_again, check_entry
from engine.risk.profile import Profile
from engine.risk.refusal import Refusal
from engine.risk.world import GateWorld
from tests.builders import LIMITS, future, intent, proposal, quote, stock, world

ANYTHING = replace(LIMITS, allow_short_stock=True, allow_short_future=True)

CASES = [
    (Profile.RULES, stock(), Side.BUY, True, True),
    (Profile.RULES, stock(), Side.SELL, True, False),
    (Profile.RULES, future(), Side.BUY, True, False),
    (Profile.RULES, stock(), Side.BUY, False, True),
    (Profile.FUTURES, future(), Side.BUY, True, True),
    (Profile.FUTURES, future(), Side.SELL, True, True),
    (Profile.FUTURES, stock(), Side.BUY, True, False),
    (Profile.FUTURES, future(), Side.BUY, False, False),
    (Profile.OPEN, future(), Side.SELL, False, True),
    (Profile.OPEN, stock(), Side.SELL, True, True),
]


def _world(profile: Profile, instrument: Instrument, *, is_paper: bool) -> GateWorld:
    margin = 10_000.0 if instrument.multiplier != 1.0 else None
    return world(
        profile=profile,
        is_paper=is_paper,
        instrument=instrument,
        quote=quote(instrument.key),
        margin_usd=margin,
    )


@pytest.mark.req("247-SCOPE", "FUT-DEMO", "FUT-OOS")
@pytest.mark.parametrize(("profile", "instrument", "side", "is_paper", "passes"), CASES)
def test_each_profile_enters_only_what_it_may(
    profile: Profile, instrument: Instrument, side: Side, is_paper: bool, passes: bool
) -> None:
    stop = 99.0 if side is Side.BUY else 101.0
    wish = proposal(instrument.key, side=side, stop_price=stop)
    here = _world(profile, instrument, is_paper=is_paper)

    said = check_entry(wish, here, ANYTHING)

    assert isinstance(said, EntryTicket) is passes, said
    if isinstance(said, Refusal):
        assert said.reason is Reason.PROFILE
        assert profile.value in said.text

    again = check_again(intent(instrument.key, side=side, quantity=1), here, ANYTHING)
    assert (again is None) is passes, again
