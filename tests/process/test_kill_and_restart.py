"""kill -9 of the whole cockpit while the exchange lives on: what is held is known again, and covered."""

from __future__ import annotations

import random
import signal
from typing import Any

import pytest

from engine.api import CommandKind, EngineState, Snapshot
from engine.runtime.process.remote import new_command
from tests.storm.agreement import assert_agreement, broken_for_ever
from tests.storm.kills import ROOMY, STRATEGY, Tally, one_run
from tests.storm.real import RealCockpit
from tests.waiting import eventually

pytestmark = pytest.mark.slow

FAST = {"speed": 5.0, "seed": 11}


def holding(*symbols: str) -> dict[str, object]:
    """A strategy that enters each symbol as soon as it can and stays."""
    table = {"kind": "churn", "symbols": list(symbols), "timeframe": "5s"}
    return {"script": {**table, "params": {"hold": 0}}}


def idle(symbol: str) -> dict[str, object]:
    """The same strategy by name, which enters nothing."""
    table = {"kind": "scripted", "symbols": [symbol], "timeframe": "5s"}
    return {"script": {**table, "params": {"enter_at": 0}}}


def covered(snapshot: Snapshot, *symbols: str) -> bool:
    """All these are held and their stops work at the broker."""
    held = {p.symbol: p.protected_quantity == abs(p.quantity) for p in snapshot.positions}
    return all(held.get(symbol, False) for symbol in symbols)


def in_position(cockpit: RealCockpit, *symbols: str) -> Snapshot:
    """Wait until all these are held, covered and told."""
    return cockpit.until(lambda s: covered(s, *symbols), within_s=60.0, why=f"never held {symbols}")


def stops_at_exchange(cockpit: RealCockpit) -> list[tuple[str, int]]:
    """Symbol and open quantity of every working stop."""
    record = cockpit.record()
    stops = [o for o in record.working if o["request"]["order_type"] == "STP"]
    return [(record.name_of(o), o["request"]["quantity"] - o["filled"]) for o in stops]


def books(cockpit: RealCockpit) -> list[tuple[Any, ...]]:
    """Every field of every position that is stored."""
    return cockpit.rows("SELECT * FROM position ORDER BY key")


@pytest.mark.req("REQ-TEST-003", "RECOVERY-TEST-1", "RECOVERY-OPT1", "PS60-NFR-MTTR")
def test_a_killed_cockpit_knows_its_positions_again_field_by_field_with_one_stop_each(
    cockpit: RealCockpit,
) -> None:
    cockpit.configure(holding("TSLA", "SPY"), broker=FAST)
    cockpit.start()
    before = in_position(cockpit, "TSLA", "SPY")
    stored, stops = books(cockpit), sorted(stops_at_exchange(cockpit))

    cockpit.kill()
    assert sorted(stops_at_exchange(cockpit)) == stops, "the stops live at the exchange"
    cockpit.start()
    assert cockpit.ready() < 60.0

    after = in_position(cockpit, "TSLA", "SPY")
    assert [_facts(after, s) for s in ("TSLA", "SPY")] == [_facts(before, s) for s in ("TSLA", "SPY")]
    assert books(cockpit) == stored
    assert sorted(stops_at_exchange(cockpit)) == stops
    assert [symbol for symbol, _ in stops] == ["SPY", "TSLA"]
    assert_agreement(cockpit)


def _facts(snapshot: Snapshot, symbol: str) -> tuple[object, ...]:
    (p,) = (p for p in snapshot.positions if p.symbol == symbol)
    return (p.quantity, p.avg_price, p.stop_price, p.owner, p.opened_at, p.protected_quantity, p.is_orphan)


@pytest.mark.req("RECOVERY-TEST-4")
def test_a_stop_that_filled_while_the_cockpit_was_dead_is_booked_at_the_brokers_price(
    cockpit: RealCockpit,
) -> None:
    cockpit.configure(holding("TSLA"), broker=FAST)
    cockpit.start()
    before = in_position(cockpit, "TSLA")
    quantity, entry = before.positions[0].quantity, before.positions[0].avg_price
    cockpit.kill()
    price = round(entry * 0.985, 2)
    cockpit.ask(do="fill", ref="-stop", price=price)

    cockpit.configure(idle("TSLA"), broker=FAST)
    cockpit.start()
    cockpit.ready()
    after = cockpit.until(lambda s: not s.positions and s.pnl.trades == 1, why="the close was not booked")

    ((closed, exit_price, reason),) = cockpit.rows("SELECT quantity, exit_price, reason FROM trade")
    assert (closed, float(exit_price), str(reason).lower()) == (quantity, price, "stop")
    assert after.pnl.realized_usd == pytest.approx((price - entry) * quantity, abs=5.0)
    assert cockpit.record().working == []
    assert_agreement(cockpit)


@pytest.mark.req("PS60-ACC-2", "PS60-PHASE-2c")
def test_three_kills_at_random_moments_lose_and_double_nothing(cockpit: RealCockpit) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")
    cockpit.configure(STRATEGY, risk=ROOMY, broker={"speed": 10.0, "seed": 11})
    cockpit.start()
    cockpit.ready()
    cockpit.until(lambda s: s.fills, why="it never traded")
    tally = Tally()
    for name in ("at_a_commit", "in_a_partial", "any_time"):
        print(one_run(cockpit, random.Random(f"{seed} {name}"), tally, kills_gateway=False, moment=name))

    assert tally.lost == 0
    assert tally.acknowledged > 0


@pytest.mark.req("PLAN-M4-AC-RESTART", "PLAN-M4-AC-NOEXC")
def test_a_bar_that_was_acted_on_is_not_acted_on_again_after_a_restart(cockpit: RealCockpit) -> None:
    minute = {"churn": {"kind": "churn", "symbols": ["SPY"], "timeframe": "1m", "params": {"hold": 1}}}
    cockpit.configure(minute, risk=ROOMY, broker={"speed": 15.0, "seed": 11})
    cockpit.start()
    cockpit.ready()
    entries = "SELECT signal_id FROM intent WHERE role = 'entry'"
    eventually(lambda: cockpit.record().orders, within_s=30.0, why="the first order at the exchange")
    cockpit.kill()
    bar = cockpit.rows(entries)

    cockpit.start()
    cockpit.ready()
    exits = "SELECT signal_id FROM intent WHERE role = 'exit'"
    eventually(lambda: cockpit.rows(exits), within_s=60.0, why="a later bar's order")

    assert cockpit.rows(entries)[: len(bar)] == bar
    assert bar[0] not in cockpit.rows(entries)[len(bar) :], "one bar was acted on twice"
    assert broken_for_ever(cockpit) == []


@pytest.mark.req("REQ-TEST-003", "BUG-003", "PS60-EXEC-3")
def test_a_position_opened_by_hand_ends_a_start_without_a_screen_naming_it_and_sending_nothing(
    cockpit: RealCockpit,
) -> None:
    ours = _opened_by_hand(cockpit)
    cockpit.configure(holding("SPY"), broker=FAST)
    cockpit.start()

    assert cockpit.exit_code() == 4
    assert "NVDA" in cockpit.tail()
    assert "Traceback" not in cockpit.tail()
    assert len(cockpit.record().orders) == ours, "something was sent"


@pytest.mark.req("BUG-003")
def test_a_position_opened_by_hand_is_adopted_with_a_stop_before_anything_is_entered(
    cockpit: RealCockpit,
) -> None:
    ours = _opened_by_hand(cockpit)
    cockpit.configure(holding("SPY"), broker=FAST, orphans={"headless_policy": "adopt"})
    cockpit.start()
    shown = in_position(cockpit, "NVDA", "SPY")

    assert not any(p.is_orphan for p in shown.positions)
    orders = sorted(cockpit.record().orders.values(), key=lambda order: int(order["perm_id"]))
    first = orders[ours]["request"]
    assert (first["order_type"], first["action"], first["quantity"]) == ("STP", "SELL", 40)


def _opened_by_hand(cockpit: RealCockpit) -> int:
    """40 NVDA were bought elsewhere while the cockpit was dead; how many orders there were by then."""
    cockpit.configure(idle("SPY"), broker=FAST)
    cockpit.start()
    cockpit.ready()
    cockpit.kill()
    cockpit.ask(do="external_position", symbol="NVDA", quantity=40, executed=True)
    return len(cockpit.record().orders)


@pytest.mark.req("REQ-ARCH-009")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_flattens_saves_says_what_it_did_and_leaves_with_0(
    cockpit: RealCockpit, number: signal.Signals
) -> None:
    cockpit.configure(holding("TSLA", "SPY"), broker=FAST)
    cockpit.start()
    in_position(cockpit, "TSLA", "SPY")
    assert cockpit.process is not None
    cockpit.process.send_signal(number)
    cockpit.process.send_signal(number)  # impatience must not cost the save

    assert cockpit.exit_code(within_s=30.0) == 0
    record = cockpit.record()
    assert (sum(abs(q) for q in record.holdings.values()), record.working) == (0, [])
    assert cockpit.rows("SELECT count(*) FROM position") == [(0,)]
    assert cockpit.rows("SELECT clean FROM run ORDER BY rowid DESC LIMIT 1") == [(1,)]
    booked = {row[0] for row in cockpit.rows("SELECT exec_id FROM fill")}
    assert booked == {execution.exec_id for execution in record.executions}
    said = (cockpit.folder / "output.txt").read_text(encoding="utf-8")
    steps = ("DRAINING", "flatten SELL", "why=end", "cockpit: summary of")
    places = [said.find(step) for step in steps]
    assert min(places) >= 0, places
    assert places == sorted(places)


@pytest.mark.req("PS60-NFR-MTTR")
def test_with_ten_positions_it_trades_again_within_a_minute_of_a_kill_and_of_a_lost_line(
    cockpit: RealCockpit,
) -> None:
    symbols = ("SPY", "QQQ", "IWM", "AAPL", "MSFT", "NVDA", "TSLA", "AMD", "META", "AMZN")
    roomy = {
        "max_positions": 10,
        "max_gross_exposure": 900_000.0,
        "max_total_at_risk_pct": 100.0,
        "repeated_execution": {"n": 20},
    }
    cockpit.configure(holding(*symbols), broker=FAST, risk=roomy)
    cockpit.start()
    in_position(cockpit, *symbols)
    cockpit.kill()
    cockpit.start()
    after_kill_s = cockpit.ready()
    in_position(cockpit, *symbols)

    cockpit.ask(do="drop", seconds=0.5)
    cockpit.until(lambda s: not s.connected, why="the loss was not seen")
    cockpit.until(lambda s: s.engine_state is EngineState.READY, within_s=60.0, why="no way back")

    assert after_kill_s < 60.0
    assert covered(cockpit.until(lambda s: s.entries_allowed), *symbols)
    assert_agreement(cockpit)
    assert cockpit.command(new_command(CommandKind.STOP, target="keep")).status.value == "done"
