"""From bar to order: a bar is decided on once, a fault of any stage ends there, the loop owns nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from engine.config import Config
from engine.domain.market import Bar
from engine.domain.order import Intention, Order, OrderIntent, Proposal, Role, Side
from engine.domain.position import Position
from engine.runtime import trading as trading_module
from engine.runtime.jitter import Jitter
from engine.runtime.trading import Running
from tests.builders import TEN, proposal
from tests.execution.rig import Rig, rig
from tests.logged import logged_by
from tests.runtime.test_trading import Script, _running, _trading
from tests.virtual_time import pass_time, virtual

BUSINESS = (Position, Order, OrderIntent, Proposal)


def _bar(n: int = 1) -> Bar:
    return Bar("SPY", TEN + timedelta(seconds=5 * n), 100.0, 101.0, 99.0, 100.0, 10)


class _NoData:
    """An aggregator that cannot read its bar."""

    def add(self, bar: Bar) -> tuple[Bar, ...]:
        raise ValueError("no such bar")


def _broken(*_: object, **__: object) -> object:
    raise ZeroDivisionError("a bug in the gate")


def _data(here: Rig, running: Running, patch: pytest.MonkeyPatch) -> None:
    patch.setitem(running.aggregators, "SPY", _NoData())


def _strategy(here: Rig, running: Running, patch: pytest.MonkeyPatch) -> None:
    script: Script = running.strategy.script  # type: ignore[attr-defined]  # of the scripted strategy
    patch.setattr(script, "breaks_in", "on_bar")


def _risk(here: Rig, running: Running, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trading_module, "check_entry", _broken)


def _rejection(here: Rig, running: Running, patch: pytest.MonkeyPatch) -> None:
    here.broker.refuse = {Role.ENTRY}


def _submit(here: Rig, running: Running, patch: pytest.MonkeyPatch) -> None:
    here.broker.breaks_with = OSError("the line broke half way")


@virtual
@pytest.mark.req("PLAN-LOOP-FLOW")
@pytest.mark.parametrize(
    ("fault", "is_processed"),
    [(_data, False), (_strategy, True), (_risk, True), (_rejection, True), (_submit, True)],
)
async def test_a_fault_of_any_stage_ends_with_its_bar_and_nothing_is_sent_twice(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[Rig, Running, pytest.MonkeyPatch], None],
    is_processed: bool,
) -> None:
    async with rig(tmp_path) as here:
        script = Script([(proposal(strategy="a"),)])
        running = _running("a", script)
        loop = _trading(here, running)
        logged = logged_by(trading_module, monkeypatch)
        with monkeypatch.context() as patch:
            fault(here, running, patch)
            loop.on_bar(_bar())
            await pass_time(1)
        assert (running.last_bars.get("SPY") == _bar().end) is is_processed

        here.broker.refuse, here.broker.breaks_with = set(), None
        loop.on_bar(_bar())
        loop.on_bar(_bar(2))
        await pass_time(1)

        assert running.last_bars["SPY"] == _bar(2).end, "the loop goes on"
        assert [b.end for b in script.heard].count(_bar().end) <= 1
        entries = [ref for ref in here.broker.sent if ref.endswith("entry")]
        assert len(entries) <= 1, "no blind retry"
        failed = [e for e in logged.entries if e["event"] == "bar.failed"]
        if fault in (_data, _strategy, _risk):
            assert (failed[0]["symbol"], failed[0]["bar_end"] != "") == ("SPY", True)


@virtual
@pytest.mark.req("PLAN-LOOP-POLL")
async def test_the_same_bar_five_times_is_one_decision_and_an_older_one_is_none(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        script = Script()
        loop = _trading(here, _running("a", script))

        for n in (2, 2, 2, 2, 2, 1):
            loop.on_bar(_bar(n))

        assert [bar.end for bar in script.heard] == [_bar(2).end]


@pytest.mark.req("PLAN-LOOP-POLL", "REQ-SCH1")
def test_a_round_waits_as_long_as_is_configured_or_up_to_a_tenth_less() -> None:
    loop = Config().loop
    pauses = Jitter(loop.poll_interval_s, pct=loop.jitter_pct, seed="x")
    drawn = [pauses.next_s() for _ in range(200)]

    assert loop.poll_interval_s == 1.0
    assert 0.9 <= min(drawn) < max(drawn) <= 1.0


@virtual
@pytest.mark.req("PLAN-LOOP-STATELESS")
async def test_the_loop_holds_no_position_and_no_order_and_can_be_replaced_while_it_runs(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        here.broker.unfilled = set()
        first = _trading(here, _running("a", Script([(proposal(strategy="a"),)])))
        first.on_bar(_bar())
        await pass_time(1)
        assert here.broker.positions["SPY"] > 0
        held = [value for value in vars(first).values() if isinstance(value, BUSINESS)]
        inside = [v for r in first.running for v in (r.keys, r.warm, r.last_bars, r.aggregators)]
        leave = proposal(
            strategy="a", intention=Intention.EXIT, side=Side.SELL, signal_id="out", stop_price=None
        )

        second = _trading(here, _running("a", Script([(leave,)])))
        second.on_bar(_bar(2))
        await pass_time(2)

        assert held == []
        assert not [v for container in inside for v in container if isinstance(v, BUSINESS)]
        assert here.broker.positions["SPY"] == 0


@virtual
@pytest.mark.req("PS60-PATH-2")
async def test_every_symbol_is_looked_at_by_the_clock_in_a_guard_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, keys=("AAA", "BBB", "CCC")) as here:
        running = _running("a", Script(), "AAA", "BBB", "CCC")
        loop = _trading(here, running)
        asked: list[str] = []

        def on_clock(key: str, now: object, view: object) -> tuple[Proposal, ...]:
            asked.append(key)
            if key == "BBB":
                raise ZeroDivisionError(key)
            return ()

        monkeypatch.setattr(running.strategy, "on_clock", on_clock)
        monkeypatch.setattr(type(running.strategy), "reads_quotes", True)
        loop.assign(running, ("AAA", "BBB", "CCC"))
        monkeypatch.setattr(running.strategy, "on_clock", on_clock)
        await loop.clock_round()

        assert asked == ["AAA", "BBB", "CCC"]
        assert here.desk.faults.counts == {} or "BBB" in running.errors
        assert running.errors == {"BBB": 1}
