"""An error at one position, strategy or handler changes nothing for the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.api import Level
from engine.domain.order import Role
from engine.domain.reasons import Reason
from engine.ledger.changes import Changes
from engine.ledger.events import Described
from engine.runtime.breakers import faults
from engine.runtime.breakers.force_close import FIRST_PAUSE_S
from engine.runtime.guards.stops import StopKeeper
from engine.runtime.trading import Trading
from tests.builders import stock
from tests.logged import logged_by
from tests.runtime.kept import Kept, kept
from tests.runtime.test_trading import Script, _bar, _running
from tests.virtual_time import pass_time, virtual

KEYS = ("SPY", "QQQ", "IWM")


@asynccontextmanager
async def three_positions(folder: Path) -> AsyncIterator[Kept]:
    """SPY, QQQ and IWM are held, each with its stop, while the regular round works."""
    async with kept(folder) as it:
        for key in KEYS:
            it.here.desk.instruments[key] = stock(key)
            await it.here.enter(key=key)
        await pass_time(2)
        yield it


def _fails_at(monkeypatch: pytest.MonkeyPatch, key: str, seen: list[str]) -> Callable[[], None]:
    """The look at the stops of `key` raises; what was looked at is written down. Returns how to end it."""
    look = StopKeeper._look_at

    def broken(keeper: StopKeeper, looked_at: str) -> None:
        seen.append(looked_at)
        if looked_at == key:
            raise ZeroDivisionError("a bug at one symbol")
        look(keeper, looked_at)

    monkeypatch.setattr(StopKeeper, "_look_at", broken)
    return lambda: monkeypatch.setattr(StopKeeper, "_look_at", look)


@virtual
@pytest.mark.req("REQ-ARCH-006", "REQ-TEST-004", "PS60-APPX-B2-TRY", "REQ-ERR-002")
@pytest.mark.parametrize("key", KEYS)
async def test_an_error_at_one_position_leaves_the_others_managed_in_the_same_cycle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    async with three_positions(tmp_path) as it:
        seen: list[str] = []
        mend = _fails_at(monkeypatch, key, seen)
        logged = logged_by(faults, monkeypatch)
        await it.upkeep.round()
        mend()

        assert sorted(seen) == sorted(KEYS)
        (record,) = [r for r in logged.entries if r["event"] == "engine.error"]
        assert (record["symbol"], record["log_level"]) == (key, "error")
        assert isinstance(record["exc_info"], ZeroDivisionError)
        assert it.here.desk.faults.counts == {key: 1}
        assert it.here.books.positions()
        assert it.here.alerts("forced_close") == []


@virtual
@pytest.mark.req("REQ-ARCH-006", "BUG-004")
async def test_a_position_that_fails_three_times_is_closed_once_through_the_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with three_positions(tmp_path) as it:
        sent = len(it.here.broker.sent)
        _fails_at(monkeypatch, "QQQ", [])
        await pass_time(30)

        assert {key: it.here.broker.positions[key] for key in KEYS} == {"SPY": 100, "QQQ": 0, "IWM": 100}
        roles = [it.here.broker.held(ref).intent.role for ref in it.here.broker.sent[sent:]]
        assert roles == [Role.FLATTEN]
        assert it.here.last(Role.FLATTEN).intent.note == Reason.ERROR_FORCE_CLOSE
        assert it.here.desk.may_enter("ma", "QQQ") is Reason.UNACKNOWLEDGED_ALERT
        assert it.here.desk.may_enter("ma", "SPY") is None


@virtual
@pytest.mark.req("REQ-ARCH-006")
@pytest.mark.parametrize("how", ["refused", "raises"])
async def test_a_force_close_that_fails_is_told_and_tried_again_with_growing_pauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    async with three_positions(tmp_path) as it:
        tries: list[float] = []
        mend = _fails_at(monkeypatch, "QQQ", [])
        close = it.here.executor.close

        async def closes(*args: Any, **more: Any) -> Any:
            tries.append(it.here.desk.clock.monotonic())
            if how == "raises":
                raise RuntimeError("a bug in closing, too")
            return await close(*args, **more)

        monkeypatch.setattr(it.here.executor, "close", closes)
        it.here.broker.refuse = {Role.FLATTEN}
        await pass_time(5)
        mend()
        await pass_time(65)

        gaps_s = [later - earlier for earlier, later in pairwise(tries)]
        assert len(tries) == 3, "at once, after 10 s and after another 20 s"
        assert gaps_s[0] >= FIRST_PAUSE_S
        assert gaps_s[1] >= 2 * FIRST_PAUSE_S
        (alert,) = [a for a in it.here.desk.notices.alerts if a.code == "forced_close"]
        assert (alert.level, alert.symbol) == (Level.CRITICAL, "QQQ")
        assert it.here.broker.positions["SPY"] == it.here.broker.positions["IWM"] == 100

        monkeypatch.setattr(it.here.executor, "close", close)
        it.here.broker.refuse = set()
        await pass_time(60)
        assert it.here.broker.positions["QQQ"] == 0


@virtual
@pytest.mark.req("REQ-ARCH-006")
async def test_a_strategy_that_raises_at_one_symbol_trades_on_at_its_others_and_its_position_there_goes(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as it:
        for key in KEYS:
            it.here.desk.instruments[key] = stock(key)
        script = Script(breaks_at="QQQ")
        one, other = _running("ma", script, *KEYS), _running("other", Script(), *KEYS)
        trading = Trading(it.here.desk, executor=it.here.executor, running=(one, other), spawn=it.here.spawn)
        for running in (one, other):
            trading.assign(running, KEYS)
            for key in KEYS:
                trading.warm_up(running, key, ())
        for key in KEYS:
            await it.here.enter(key=key)
        for n in range(4):
            for key in KEYS:
                trading.on_bar(_bar(key, n=n))
        await pass_time(10)

        assert [b.symbol for b in script.heard] == ["SPY", "IWM"] * 4
        assert len(other.strategy.script.heard) == 12  # type: ignore[attr-defined]
        assert {key: it.here.broker.positions[key] for key in KEYS} == {"SPY": 100, "QQQ": 0, "IWM": 100}
        assert [w.code for w in trading.why_not() if w.strategy == "ma"] == ["strategy_off"]
        assert "ma at QQQ" in it.here.alerts("strategy_off")[0]
        assert {r.name: r.state for r in trading.rows()} == {"ma": "live", "other": "live"}


@virtual
@pytest.mark.req("REQ-ARCH-006")
async def test_another_strategy_that_fails_at_a_symbol_does_not_close_the_position_of_its_owner(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as it:
        bad = _running("bad", Script(breaks_in="on_bar"))
        trading = Trading(it.here.desk, executor=it.here.executor, running=(bad,), spawn=it.here.spawn)
        trading.assign(bad, ("SPY",))
        trading.warm_up(bad, "SPY", ())
        await it.here.enter()
        for n in range(5):
            trading.on_bar(_bar(n=n))
        await pass_time(10)

        assert it.here.broker.positions["SPY"] == 100


@virtual
@pytest.mark.req("REQ-ERR-002")
async def test_a_listener_of_the_books_that_fails_costs_neither_the_others_nor_the_order(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as it:
        heard: list[Changes] = []

        def breaks(_: Changes) -> None:
            raise KeyError("a bug in a listener")

        it.here.books.on_changes(breaks)
        it.here.books.on_changes(heard.append)
        await it.here.enter()

        assert heard
        assert it.here.books.quantity("SPY") == it.here.stops_at_broker() == 100


@virtual
@pytest.mark.req("REQ-ERR-002")
async def test_one_event_that_the_books_cannot_take_does_not_take_the_others_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with kept(tmp_path) as it:
        compared: list[str] = []
        it.here.inbox.on_foreign = lambda: compared.append("soon")
        apply = it.here.books.ledger.apply
        broken = Described("X", 1, stock().multiplier, "STK", "X", "SMART", "USD", "")  # type: ignore[arg-type]

        def applies(event: Any) -> Changes:
            if event is broken:
                raise ZeroDivisionError("an event that breaks the books")
            return apply(event)

        monkeypatch.setattr(it.here.books.ledger, "apply", applies)
        events = it.here.inbox.ledger_events
        monkeypatch.setattr(it.here.inbox, "ledger_events", lambda event: [broken, *events(event)])
        await it.here.enter()

        assert it.here.books.quantity("SPY") == 100
        assert compared


@virtual
async def test_being_cancelled_and_leaving_are_never_taken_for_errors(tmp_path: Path) -> None:
    async with kept(tmp_path) as it:
        faults = it.here.desk.faults
        for leaving in (asyncio.CancelledError(), SystemExit(3), KeyboardInterrupt()):
            for guard in (faults.loop("x"), faults.position("SPY", "x")):
                with pytest.raises(type(leaving)), guard:
                    raise leaving
        assert faults.counts == {}
        assert it.here.desk.entry_block() is None
