"""Brakes hold what they name, survive a second pull, and are lifted only by a person with a reason."""

from __future__ import annotations

import pytest

from engine.risk.brakes import Brake, BrakeLevel, BrakeScope, BrakeSet, LiftVerdict, may_lift
from tests.builders import TEN

PAUSE = Brake("1", BrakeLevel.PAUSE, BrakeScope.ACCOUNT, "", "lunch", "operator", TEN)
HALT = Brake("2", BrakeLevel.HALT, BrakeScope.ACCOUNT, "", "odd fills", "operator", TEN)
KILL = Brake("3", BrakeLevel.KILL, BrakeScope.SYMBOL, "SPY", "wild", "operator", TEN, not_flat=True)


def test_the_strongest_brake_that_holds_is_the_one_named() -> None:
    brakes = BrakeSet((PAUSE, HALT, KILL))

    assert brakes.blocking(strategy="ma", key="SPY") is KILL
    assert brakes.blocking(strategy="ma", key="QQQ") is HALT
    assert brakes.account_level() is BrakeLevel.HALT


def test_pulling_the_same_brake_twice_keeps_the_first_reason() -> None:
    again = Brake("9", BrakeLevel.PAUSE, BrakeScope.ACCOUNT, "", "other words", "file", TEN)

    assert BrakeSet((PAUSE,)).with_(again).brakes == (PAUSE,)


@pytest.mark.parametrize(
    ("held", "reason", "typed", "unknown", "expected"),
    [
        ((), "ok", "", 0, LiftVerdict.NOTHING),
        ((PAUSE,), "  ", "", 0, LiftVerdict.NEEDS_REASON),
        ((PAUSE,), "back", "", 0, LiftVerdict.YES),
        ((PAUSE,), "back", "", 2, LiftVerdict.YES),
        ((HALT,), "checked", "", 0, LiftVerdict.NEEDS_ACCOUNT),
        ((HALT,), "checked", "DU1", 0, LiftVerdict.YES),
        ((PAUSE, HALT), "checked", "DU2", 0, LiftVerdict.NEEDS_ACCOUNT),
        ((HALT,), "checked", "DU1", 1, LiftVerdict.UNKNOWN),
        ((KILL,), "checked", "DU1", 0, LiftVerdict.NOT_FLAT),
    ],
)
def test_lifting_follows_the_rules(
    held: tuple[Brake, ...], reason: str, typed: str, unknown: int, expected: LiftVerdict
) -> None:
    verdict = may_lift(held, reason=reason, typed_account=typed, account="DU1", unknown_orders=unknown)

    assert verdict is expected


def test_a_kill_s_record_can_be_filled_in() -> None:
    done = BrakeSet((KILL,)).proven("3", proof="PROVEN FLAT", not_flat=False).brakes[0]

    assert (done.proof, done.not_flat) == ("PROVEN FLAT", False)
