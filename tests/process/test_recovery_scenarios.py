"""The recovery scenarios minute by minute: TSLA on a tape of known prices, killed and restarted."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.domain.setup import Setup
from engine.market.scan_file import file_name, render_scan_file
from engine.store.export import export_state
from tests.storm.agreement import assert_agreement
from tests.storm.breakout import KIND
from tests.storm.real import RealCockpit
from tests.waiting import eventually

pytestmark = pytest.mark.slow

NEW_YORK = ZoneInfo("US/Eastern")
DAY = dt.datetime(2026, 11, 20, tzinfo=NEW_YORK)
SPEED = 60.0
PIVOT, STOP, TARGET = 445.10, 444.50, 447.00
ONE_HUNDRED = {"per_symbol_notional_cap": 44_600.0, "cooldown_minutes": 0.0}
TRADER = "ps60"
PIVOT_TRADER = {
    "kind": "pivot_break",
    "symbols": ["TSLA"],
    "timeframe": "5s",
    # A tape without noise has neither volume nor thrust to judge a break by.
    "params": {"min_volume_ratio": 0.1, "min_thrust_ratio": 0.1, "stop_pct": 0.135},
}
LEVELS = Setup(
    key="TSLA",
    day=DAY.date(),
    resistance=PIVOT,
    support=430.00,
    long_targets=(TARGET, 450.00),
    short_targets=(420.00,),
)
AT_ONCE = {**ONE_HUNDRED, "cooldown_after_stop_minutes": 0.0}
"""A cap that leaves 100 shares at 445.25."""

Leg = tuple[str, float]
"""From this time (New York) on the bid is this; the ask a cent above."""


def moment(clock: str) -> dt.datetime:
    """That time of the tape's day."""
    return dt.datetime.combine(DAY, dt.time.fromisoformat(clock), tzinfo=NEW_YORK)


def play(
    cockpit: RealCockpit,
    legs: Sequence[Leg],
    *,
    until: str,
    speed: float = SPEED,
    start_at: str = "09:52",
    trader: bool = False,
    breaks_at: float = PIVOT,
    risk: Mapping[str, object] = ONE_HUNDRED,
    **sections: Mapping[str, object],
) -> None:
    """Write the tape and the configuration that trades on it.

    With the pivot `trader` on it, too, the scripted breakout wants to enter beside it at every bar above
    `breaks_at`.
    """
    folder = cockpit.folder / "tape"
    folder.mkdir()
    first, last = round(moment(legs[0][0]).timestamp()), round(moment(until).timestamp())
    starts = [(round(moment(clock).timestamp()), bid) for clock, bid in legs]
    bids = [next(b for at, b in reversed(starts) if at <= second) for second in range(first, last)]
    # Inside the pivot it breathes: where nothing ever moves every move is an outlier.
    bids = [bid if bid > PIVOT else round(bid - 0.08 * (n % 2), 2) for n, bid in enumerate(bids)]
    asks = [round(bid + 0.01, 2) for bid in bids]
    stamps = pa.array([second * 10**9 for second in range(first, last)], pa.timestamp("ns", "UTC"))
    # A market that never stirs would count as one whose data stand still.
    sizes = [900 + second % 7 for second in range(len(bids))]
    quotes = {"ts": stamps, "bid": bids, "bid_size": sizes, "ask": asks, "ask_size": sizes}
    pq.write_table(pa.table(quotes), folder / "TSLA_20261120_quote.parquet")
    prints = {"ts": stamps, "price": bids, "size": sizes}
    pq.write_table(pa.table(prints), folder / "TSLA_20261120_trade.parquet")
    params = {"pivot": breaks_at, "stop": STOP, "target": TARGET}
    strategies = {"breakout": {"kind": KIND, "symbols": ["TSLA"], "timeframe": "5s", "params": params}}
    if trader:
        strategies[TRADER] = PIVOT_TRADER
        scanner = cockpit.folder / "scanner"
        scanner.mkdir()
        (scanner / file_name(LEVELS.day)).write_text(render_scan_file(LEVELS.day, [LEVELS]))
    cockpit.configure(
        strategies,
        risk=risk,
        broker={"speed": speed, "tape": str(folder), "start_at": start_at},
        **sections,
    )


def wait_for(cockpit: RealCockpit, clock: str) -> None:
    """Until the exchange's clock says so."""
    cockpit.until(lambda s: s.session.now >= moment(clock), within_s=60.0, why=f"never {clock}")


def restart(cockpit: RealCockpit, *, killed_at: str) -> None:
    """kill -9 at that time of the exchange, and start again."""
    wait_for(cockpit, killed_at)
    cockpit.kill()
    cockpit.start()
    cockpit.ready()


def sent(cockpit: RealCockpit, role: str) -> list[tuple[int, str]]:
    """Quantity and state of every order of a role that reached the exchange."""
    orders = sorted(cockpit.record().orders.values(), key=lambda order: int(order["perm_id"]))
    ours = [o for o in orders if o["request"]["order_ref"].endswith(f"-{role}")]
    return [(o["request"]["quantity"], o["status"]) for o in ours]


def refused(cockpit: RealCockpit) -> bool:
    """The gate has refused the pivot trader a third break."""
    path = cockpit.database()
    assert path is not None
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        rows = conn.execute("SELECT payload FROM event WHERE kind = 'proposal'").fetchall()
    told = [json.loads(payload) for (payload,) in rows]
    return any(p["strategy"] == TRADER and p["verdict"] == "max_attempts" for p in told)


@pytest.mark.req("RECOVERY-TEST-2", "RECOVERY-SCN-1")
def test_killed_after_a_partial_it_holds_fifty_with_the_stop_at_breakeven(cockpit: RealCockpit) -> None:
    legs = [("09:51:00", 445.08), ("10:05:00", 445.24), ("10:08:00", 447.13), ("10:12:00", 446.50)]
    # The scripted one wants to enter only once the trader has had its three minutes: on a slow machine, too.
    play(cockpit, legs, until="10:40:00", trader=True, breaks_at=446.00)
    cockpit.start()
    cockpit.ready()
    restart(cockpit, killed_at="10:15:00")
    wait_for(cockpit, "10:17:00")

    record = cockpit.record()
    assert [(e.signed, e.price) for e in record.executions] == [(100, 445.25), (-50, 447.13)]
    (stop,) = record.working
    assert (stop["request"]["order_type"], stop["request"]["quantity"] - stop["filled"]) == ("STP", 50)
    assert stop["request"]["aux_price"] == 445.25
    (held,) = cockpit.until(lambda s: s.positions).positions
    assert (held.quantity, held.protected_quantity, held.stop_price) == (50, 50, 445.25)
    assert (held.avg_price, held.owner, held.is_orphan) == (445.25, TRADER, False)
    assert len(sent(cockpit, "entry")) == 1, "the fresh breaks since the restart have entered again"
    assert_agreement(cockpit)


@pytest.mark.req("RECOVERY-TEST-3", "RECOVERY-SCN-2")
def test_killed_after_two_stopped_out_attempts_the_third_is_refused(cockpit: RealCockpit) -> None:
    legs = [
        ("09:51:00", 445.08), ("10:05:00", 445.24), ("10:08:00", 444.00), ("10:11:00", 445.08),
        ("10:13:40", 445.24), ("10:15:00", 444.00), ("10:18:00", 445.08), ("10:21:30", 445.24),
        ("10:23:00", 445.08), ("10:24:30", 445.24), ("10:26:00", 445.08), ("10:27:30", 445.24),
        ("10:29:00", 445.08), ("10:30:30", 445.24), ("10:32:00", 445.08), ("10:35:00", 445.24),
    ]  # fmt: skip
    play(cockpit, legs, until="10:50:00", trader=True)
    cockpit.start()
    cockpit.ready()
    restart(cockpit, killed_at="10:20:00")
    eventually(lambda: refused(cockpit), within_s=60.0, why="its new break was not refused")
    shown = cockpit.until(lambda s: any(w.code == "max_attempts" for w in s.why_not))

    assert sent(cockpit, "entry") == [(100, "Filled"), (100, "Filled")]
    assert [status for _, status in sent(cockpit, "stop")] == ["Filled", "Filled"]
    assert any("2 of 2" in w.text for w in shown.why_not)
    assert shown.positions == ()
    assert_agreement(cockpit)


@pytest.mark.req("RECOVERY-GAP", "REQ-TEST-003")
def test_all_seven_kinds_of_context_survive_one_kill(cockpit: RealCockpit) -> None:
    legs = [
        ("09:58:00", 445.00), ("09:59:45", 445.24), ("09:59:55", 444.00), ("10:00:05", 445.24),
        ("10:00:15", 447.13), ("10:00:22", 446.50),
    ]  # fmt: skip
    often = {"checkpoint_s": 1.0}
    play(cockpit, legs, until="10:10:00", speed=6.0, start_at="09:59:35", risk=AT_ONCE, state=often)
    cockpit.start()
    cockpit.ready()
    wait_for(cockpit, "10:00:27")
    shown = cockpit.until(lambda s: s.positions and s.positions[0].protected_quantity == 50, why="no half")
    cockpit.kill()
    before, working = state_of(cockpit), cockpit.record().working

    bars = before["bar_buffers"]["TSLA"]["bars"]
    kept_until = dt.datetime.fromisoformat(bars[-1]["time"]) + dt.timedelta(seconds=5)
    missing_s = (shown.session.now - kept_until) // dt.timedelta(seconds=5) * 5
    assert missing_s <= 10, "bars that ended before the kill"
    held = before["positions"]["TSLA"]
    assert (held["quantity"], held["remaining"], held["entry_price"]) == (50, 0.5, 445.25)
    assert (held["pivot"], held["target1"], held["contract"]["sec_type"]) == (PIVOT, TARGET, "STK")
    assert [(p["shares"], p["price"]) for p in held["partials_taken"]] == [(50, 447.13)]
    assert before["attempt_counts"]["TSLA"]["long_attempts"] == 2
    assert held["stop_perm_id"] == working[0]["perm_id"]

    cockpit.start()
    cockpit.ready()
    again = cockpit.until(lambda s: s.positions and s.positions[0].protected_quantity == 50, why="no stop")
    after = state_of(cockpit)

    assert after["positions"] == before["positions"]
    assert after["attempt_counts"] == before["attempt_counts"]
    assert after["bar_buffers"]["TSLA"]["bars"][: len(bars)] == bars
    assert cockpit.record().working == working, "the very same stop"
    assert again.pnl.realized_usd == shown.pnl.realized_usd
    (position,) = again.positions
    assert (position.quantity, position.avg_price, position.is_orphan) == (50, 445.25, False)
    assert_agreement(cockpit)


def state_of(cockpit: RealCockpit) -> dict[str, Any]:
    """The stored state in its JSON form."""
    path = cockpit.database()
    assert path is not None
    return export_state(path)
