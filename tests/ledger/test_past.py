"""Attempts and cooldowns are derived from bookings: the same after any restart, at nothing on a new day."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from engine.domain.order import Role, Side
from engine.domain.plan import Plan
from engine.ledger.events import Registered
from engine.ledger.ledger import Ledger
from engine.ledger.past import NO_PAST, Attempt
from engine.store import operations
from engine.store.sync import SyncStore
from tests.ledger.building import T0, at, executed, fill, intent
from tests.store.building import ACCOUNT, GATEWAY

RESISTANCE, SUPPORT = 444.77, 432.5


class Books:
    """A ledger whose every change is stored, as the engine does it."""

    def __init__(self, path: Path) -> None:
        self._store = SyncStore(path, gateway=GATEWAY, account=ACCOUNT)
        self.ledger = Ledger()

    def apply(self, event) -> None:
        changes = self.ledger.apply(event)
        self._store.run(lambda c: operations.apply_changes(c, changes, at=T0, boot_id="b"))

    def start_day(self) -> None:
        legs = self.ledger.start_day()
        self._store.run(lambda c: operations.start_day(c, legs, day=date(2026, 11, 21), at=T0, boot_id="b"))

    def attempt(self, number: int, pivot: float, *, side: Side = Side.BUY, key: str = "TSLA") -> None:
        """One entry at `pivot` that fills in two executions, and its stop that closes it 2 s later."""
        began = number * 600.0
        entry, stop = f"in-{number}", f"stop-{number}"
        orders = (
            intent(entry, side=side, key=key, plan=Plan(pivot=pivot)),
            intent(stop, role=Role.STOP, side=side.opposite, key=key, parent_ref=entry, stop_price=440.0),
        )
        self.apply(Registered(orders, at(began)))
        for part, (ref, signed, after_s) in enumerate(
            [(entry, 60, 0.0), (entry, 40, 1.0), (stop, -100, 2.0)]
        ):
            booked = fill(
                f"e{number}-{part}.01", signed * side.sign, "445", ref=ref, key=key, seconds=began + after_s
            )
            self.apply(executed(booked))

    def restarted(self) -> Ledger:
        """What an engine that starts now knows."""
        return Ledger(self._store.run(lambda c: operations.load(c, boot_id="b")).ledger)

    def close(self) -> None:
        self._store.close()


@pytest.fixture
def books(tmp_path):
    kept = Books(tmp_path / "s.db")
    yield kept
    kept.close()


def seen(ledger: Ledger, key: str = "TSLA") -> tuple[datetime | None, datetime | None]:
    return ledger.positions.past.of(key)


@pytest.mark.req("RECOVERY-STATE-ATTEMPTS", "REQ-CD1", "247-NFR-RESTORE")
def test_a_restart_knows_every_attempt_per_level_and_side_and_both_cooldowns(books):
    books.attempt(0, RESISTANCE)
    books.attempt(1, RESISTANCE)
    books.attempt(2, 725.5, key="NVDA")

    for ledger in (books.ledger, books.restarted()):
        past = ledger.positions.past
        assert past.attempts("TSLA", Side.BUY, RESISTANCE) == 2
        assert past.attempts("TSLA", Side.SELL, SUPPORT) == 0
        assert past.attempts("NVDA", Side.BUY, 725.5) == 1
        assert seen(ledger) == (at(602), at(602))
        assert past.all_attempts() == (
            Attempt("NVDA", Side.BUY, 725.5, 1),
            Attempt("TSLA", Side.BUY, RESISTANCE, 2),
        )


@pytest.mark.req("RECOVERY-STATE-ATTEMPTS")
def test_another_level_and_the_other_side_start_at_nothing(books):
    books.attempt(0, RESISTANCE)
    books.attempt(1, RESISTANCE, side=Side.SELL)

    past = books.ledger.positions.past
    assert past.attempts("TSLA", Side.BUY, RESISTANCE) == 1
    assert past.attempts("TSLA", Side.SELL, RESISTANCE) == 1
    assert past.attempts("TSLA", Side.BUY, RESISTANCE + 0.01) == 0


@pytest.mark.req("RECOVERY-STATE-ATTEMPTS")
def test_a_new_trading_day_starts_at_nothing_also_after_a_restart(books):
    books.attempt(0, RESISTANCE)

    books.start_day()

    for ledger in (books.ledger, books.restarted()):
        assert ledger.positions.past.attempts("TSLA", Side.BUY, RESISTANCE) == 0
        assert seen(ledger) == NO_PAST


def test_an_entry_that_did_not_fill_is_no_attempt(books):
    books.apply(Registered((intent("in", key="TSLA", plan=Plan(pivot=RESISTANCE)),), T0))

    assert books.ledger.positions.past.all_attempts() == ()
    assert seen(books.ledger) == NO_PAST


def test_a_stop_that_only_filled_in_part_is_a_fill_but_no_stop_out_yet(books):
    entry = intent("in", key="TSLA")
    stop = intent("stop", role=Role.STOP, side=Side.SELL, key="TSLA", parent_ref="in", stop_price=440.0)
    books.apply(Registered((entry, stop), T0))
    books.apply(executed(fill("a.01", 100, "445", ref="in", key="TSLA")))

    books.apply(executed(fill("b.01", -30, "440", ref="stop", key="TSLA", seconds=9)))

    assert seen(books.ledger) == (at(9), None)


def test_a_correction_that_undoes_the_stop_out_takes_its_cooldown_back(books):
    books.attempt(0, RESISTANCE)

    books.apply(executed(fill("e0-2.02", -90, "440", ref="stop-0", key="TSLA", seconds=2)))

    assert seen(books.ledger) == seen(books.restarted()) == (at(2), None)
