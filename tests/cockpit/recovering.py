"""Snapshots of accounts that differ from the books; built, as the engine would tell them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.api import EngineState, PositionView
from engine.api_recovery import RecoveryChoice, RecoveryKind, RecoveryRow, RecoveryView
from tests.cockpit.scripted import EMPTY, NORMAL, ORDERS, ago, order, position

ADOPT, CLOSE, FOREIGN = RecoveryChoice.ADOPT, RecoveryChoice.CLOSE, RecoveryChoice.FOREIGN
CANCEL, NOT_SENT = RecoveryChoice.CANCEL, RecoveryChoice.NOT_SENT


def row(symbol: str = "META", **changes: Any) -> RecoveryRow:
    """A short orphan that waits for a decision."""
    base = RecoveryRow(
        row_id="position 107113386",
        kind=RecoveryKind.ORPHAN,
        symbol=symbol,
        ours=0,
        ours_text="nothing",
        broker=-30.0,
        broker_text="30 short",
        difference="orphan",
        since=None,
        last_order="",
        unrealized_usd=-12.60,
        choices=(ADOPT, CLOSE, FOREIGN),
        proposal="adopt with a stop at 512.40",
        stop_price=512.40,
        stop_text="2 × ATR(14)",
        evidence=(
            "10:03:25 the broker lists META −30 @ 501.10 (contract 107113386)",
            "10:03:26 asked again: the same",
            "no order of ours for META in the store",
        ),
        stamp="m1",
    )
    return replace(base, **changes)


META = row()
AMZN = row(
    "AMZN",
    row_id="position 3691937",
    broker=20.0,
    broker_text="20 long",
    since=ago(23 * 3600),
    last_order="BUY 20 LMT 181.10 filled yesterday",
    unrealized_usd=34.20,
    proposal="adopt with a stop at 179.25",
    stop_price=179.25,
    stop_text="2.0 %",
    evidence=("10:03:25 the broker lists AMZN 20 @ 181.08 (contract 3691937)",),
    stamp="a1",
)
STRANGE = row(
    "SPY",
    row_id="order 1204559001",
    kind=RecoveryKind.STRANGE_ORDER,
    ours=None,
    ours_text="nothing",
    broker=None,
    broker_text="SELL 100 LMT 519.00 GTC",
    difference="order not in our books",
    since=ago(310),
    last_order="perm 1204559001, client 7",
    unrealized_usd=None,
    choices=(CANCEL, FOREIGN),
    proposal="cancel it, or leave it as foreign",
    stop_price=None,
    stop_text="",
    evidence=("10:03:25 open order perm 1204559001 of client 7",),
    stamp="s1",
)
UNKNOWN = row(
    "QQQ",
    row_id="ref ck-9001-QQQ-01HZX40B-entry",
    kind=RecoveryKind.UNKNOWN_ORDER,
    ours=None,
    ours_text="entry BUY 40 LMT 512.31",
    broker=None,
    broker_text="no trace of it",
    difference="fate unknown",
    since=ago(95),
    last_order="ck-9001-QQQ-01HZX40B-entry",
    unrealized_usd=None,
    choices=(NOT_SENT,),
    proposal="look in TWS for it",
    stop_price=None,
    stop_text="",
    stamp="q1",
)
TSLA = row(
    "TSLA",
    row_id="restored 76792991",
    kind=RecoveryKind.RESTORED,
    ours=50,
    ours_text="50 long ½",
    broker=50.0,
    broker_text="50 long",
    difference="none · stop alive",
    unrealized_usd=132.50,
    choices=(),
    proposal="restored",
    stop_price=442.30,
    stop_text="",
    stamp="t1",
)
AMD = row(
    "AMD",
    row_id="closed_away 4391",
    kind=RecoveryKind.CLOSED_AWAY,
    ours=100,
    ours_text="100 long",
    broker=0.0,
    broker_text="flat",
    difference="closed while away",
    since=ago(48),
    last_order="stop SELL 100 @ 164.02",
    unrealized_usd=None,
    choices=(),
    proposal="stop fill 164.02 booked, −18.00 (STOP)",
    stop_price=None,
    stop_text="",
    stamp="d1",
)

REPORT = (
    "paper account DU9000001 over 127.0.0.1:7497, client 1",
    "state of 10:02:21 ET recovered, 1 m old; the run before ended without its goodbye",
    "1 position restored, day P&L +341.48 goes on, 7 trades",
    "TSLA: 50 saved, 50 at the broker: agrees, stop alive",
    "AMD: 100 saved, 0 at the broker: closed by the broker while away, booked at 164.02",
    "META: nothing saved, −30 at the broker: orphan",
    "AMZN: nothing saved, 20 at the broker: orphan",
)


def orphan(symbol: str, quantity: int, **changes: Any) -> PositionView:
    """A position at the broker that our books do not know."""
    return position(
        symbol,
        quantity=quantity,
        is_orphan=True,
        owner="",
        protected_quantity=0,
        stop_price=None,
        r_multiple=None,
        opened_at=None,
        exposure_usd=None,
        **changes,
    )


ORPHANS = replace(
    NORMAL,
    engine_state=EngineState.ORPHANS,
    state_reason="3 differences wait for a decision",
    entries_allowed=False,
    entries_text="3 differences wait for a decision",
    positions=(
        position(),
        orphan("META", -30, avg_price=501.10, last=501.52, unrealized_usd=-12.60),
        orphan("AMZN", 20, avg_price=181.08, last=182.79, unrealized_usd=34.20),
    ),
    orders=(
        ORDERS[0],
        order(
            "SPY",
            quantity=100,
            order_type="LMT",
            price=519.0,
            role="",
            strategy="",
            order_ref="",
            perm_id=1204559001,
            is_ours=False,
            message="not in our books",
        ),
    ),
    recovery=RecoveryView(
        rows=(META, AMZN, STRANGE, TSLA, AMD), report=REPORT, state_at=ago(66), crashed=True
    ),
)
SETTLED = replace(
    NORMAL,
    recovery=RecoveryView(
        rows=(
            replace(
                META,
                kind=RecoveryKind.RESTORED,
                ours=-30,
                ours_text="30 short",
                difference="none",
                choices=(),
                proposal="adopted, stop at 512.40",
            ),
            replace(
                AMZN, kind=RecoveryKind.FOREIGN, choices=(), proposal="left as foreign", difference="foreign"
            ),
            TSLA,
            AMD,
        ),
        report=REPORT,
        state_at=ago(66),
        crashed=True,
    ),
)
AGREED = replace(NORMAL, recovery=RecoveryView(rows=(TSLA,), report=REPORT[:4], state_at=ago(66)))
"""A restart at which all agrees: the report is read on the cockpit screen."""
FIRST = replace(
    EMPTY, recovery=RecoveryView(report=("No previous state found (clean start): the account is flat",))
)
UNVERIFIED = replace(
    NORMAL,
    engine_state=EngineState.BLOCKED,
    state_reason="no broker after 3 attempts",
    connected=False,
    entries_allowed=False,
    entries_text="no broker",
    data_age_s=None,
    positions=tuple(
        replace(p, is_verified=False, last=None, unrealized_usd=None, quote_age_s=None)
        for p in NORMAL.positions
    ),
    recovery=RecoveryView(state_at=ago(3720)),
)

RECOVERY_STATES = {
    "orphans": ORPHANS,
    "settled": SETTLED,
    "agreed": AGREED,
    "first": FIRST,
    "unverified": UNVERIFIED,
}
