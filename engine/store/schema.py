"""The tables, as numbered migrations. A released one is never edited: the next number changes it.

Times are fixed-width ISO text in UTC (`2026-11-20T15:00:00.000000Z`), money and booked prices decimal
text, quantities integers. `seq` columns only ever grow.
"""

from __future__ import annotations

from collections.abc import Callable
from sqlite3 import Connection

from engine.store.schema_learning import LEARNING
from engine.store.schema_sessions import SESSIONS

_CORE = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE run (
        boot_id TEXT PRIMARY KEY,
        run_id TEXT NOT NULL,
        version TEXT NOT NULL,
        started_at TEXT NOT NULL,
        ended_at TEXT,
        clean INTEGER NOT NULL DEFAULT 0
    )""",
    """CREATE TABLE intent (
        ref TEXT PRIMARY KEY,
        strategy TEXT NOT NULL,
        key TEXT NOT NULL,
        con_id INTEGER NOT NULL,
        role TEXT NOT NULL,
        side TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')),
        quantity INTEGER NOT NULL CHECK (quantity > 0),
        order_type TEXT NOT NULL,
        tif TEXT NOT NULL,
        limit_price REAL,
        stop_price REAL,
        parent_ref TEXT NOT NULL DEFAULT '',
        oca_group TEXT NOT NULL DEFAULT '',
        transmit INTEGER NOT NULL DEFAULT 1,
        signal_id TEXT NOT NULL DEFAULT '',
        note TEXT NOT NULL DEFAULT '',
        state TEXT NOT NULL,
        order_id INTEGER NOT NULL DEFAULT 0,
        perm_id INTEGER NOT NULL DEFAULT 0,
        filled INTEGER NOT NULL DEFAULT 0,
        avg_fill_price REAL NOT NULL DEFAULT 0,
        message TEXT NOT NULL DEFAULT '',
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        boot_id TEXT NOT NULL DEFAULT ''
    )""",
    # The database itself refuses a second live entry for one signal.
    """CREATE UNIQUE INDEX one_live_entry ON intent (strategy, key, signal_id)
        WHERE role = 'entry' AND signal_id <> ''
        AND state NOT IN ('filled', 'cancelled', 'rejected', 'abandoned')""",
    "CREATE INDEX intent_state ON intent (state, updated_at)",
    """CREATE TABLE broker_order (
        perm_id INTEGER PRIMARY KEY,
        ref TEXT NOT NULL REFERENCES intent (ref),
        order_id INTEGER NOT NULL,
        client_id INTEGER NOT NULL,
        status TEXT NOT NULL,
        filled INTEGER NOT NULL,
        avg_fill_price REAL NOT NULL,
        seen_at TEXT NOT NULL
    )""",
    """CREATE TABLE order_event (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        ref TEXT NOT NULL,
        at TEXT NOT NULL,
        source TEXT NOT NULL,
        status TEXT NOT NULL,
        filled INTEGER NOT NULL,
        message TEXT NOT NULL
    )""",
    "CREATE INDEX order_event_ref ON order_event (ref, seq)",
    """CREATE TABLE fill (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        exec_id TEXT NOT NULL UNIQUE,
        base TEXT NOT NULL,
        revision INTEGER NOT NULL,
        replaced_by TEXT,
        order_ref TEXT NOT NULL,
        perm_id INTEGER NOT NULL,
        key TEXT NOT NULL,
        con_id INTEGER NOT NULL,
        side TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')),
        quantity INTEGER NOT NULL CHECK (quantity > 0),
        price TEXT NOT NULL,
        at TEXT NOT NULL,
        strategy TEXT NOT NULL,
        role TEXT NOT NULL,
        commission TEXT,
        reason TEXT NOT NULL,
        initial_stop REAL
    )""",
    "CREATE INDEX fill_base ON fill (base, seq)",
    "CREATE INDEX fill_ref ON fill (order_ref)",
    """CREATE TABLE position (
        key TEXT PRIMARY KEY,
        con_id INTEGER NOT NULL,
        quantity INTEGER NOT NULL CHECK (quantity <> 0),
        cost TEXT NOT NULL,
        multiplier TEXT NOT NULL,
        owner TEXT NOT NULL,
        opened_at TEXT NOT NULL,
        entered INTEGER NOT NULL,
        entry_notional TEXT NOT NULL,
        exit_notional TEXT NOT NULL,
        realized_usd TEXT NOT NULL,
        fees_usd TEXT NOT NULL,
        initial_stop REAL
    )""",
    """CREATE TABLE trade (
        closed_by TEXT NOT NULL,
        key TEXT NOT NULL,
        owner TEXT NOT NULL,
        quantity INTEGER NOT NULL,
        entry_price TEXT NOT NULL,
        exit_price TEXT NOT NULL,
        opened_at TEXT NOT NULL,
        closed_at TEXT NOT NULL,
        gross_usd TEXT NOT NULL,
        fees_usd TEXT NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (closed_by)
    )""",
    """CREATE TABLE event (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        boot_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        level TEXT NOT NULL,
        symbol TEXT NOT NULL,
        ref TEXT NOT NULL,
        text TEXT NOT NULL,
        payload TEXT NOT NULL,
        prev_hash TEXT NOT NULL,
        hash TEXT NOT NULL
    )""",
)

_OPERATION = (
    """CREATE TABLE brake (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL CHECK (kind IN ('PAUSE', 'HALT', 'KILL')),
        scope TEXT NOT NULL CHECK (scope IN ('account', 'strategy', 'symbol')),
        name TEXT NOT NULL,
        reason TEXT NOT NULL,
        who TEXT NOT NULL,
        at TEXT NOT NULL,
        proof TEXT NOT NULL DEFAULT '',
        cleared_at TEXT,
        cleared_by TEXT,
        clear_reason TEXT
    )""",
    "CREATE UNIQUE INDEX one_live_brake ON brake (kind, scope, name) WHERE cleared_at IS NULL",
    """CREATE TABLE instrument (
        key TEXT PRIMARY KEY,
        con_id INTEGER NOT NULL,
        multiplier TEXT NOT NULL,
        sec_type TEXT NOT NULL
    )""",
    """CREATE TABLE adjustment (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        adjustment_id TEXT NOT NULL UNIQUE,
        key TEXT NOT NULL,
        con_id INTEGER NOT NULL,
        quantity INTEGER NOT NULL,
        price TEXT,
        at TEXT NOT NULL,
        reason TEXT NOT NULL,
        owner TEXT NOT NULL,
        initial_stop REAL,
        note TEXT NOT NULL
    )""",
    # What was held when a trading day began, and how far fills and adjustments had been booked by then.
    """CREATE TABLE anchor (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        day TEXT NOT NULL,
        at TEXT NOT NULL,
        last_fill INTEGER NOT NULL,
        last_adjustment INTEGER NOT NULL
    )""",
    """CREATE TABLE position_snapshot (
        anchor_id INTEGER NOT NULL REFERENCES anchor (id),
        key TEXT NOT NULL,
        con_id INTEGER NOT NULL,
        quantity INTEGER NOT NULL,
        cost TEXT NOT NULL,
        multiplier TEXT NOT NULL,
        owner TEXT NOT NULL,
        opened_at TEXT NOT NULL,
        entered INTEGER NOT NULL,
        entry_notional TEXT NOT NULL,
        exit_notional TEXT NOT NULL,
        realized_usd TEXT NOT NULL,
        fees_usd TEXT NOT NULL,
        initial_stop REAL,
        PRIMARY KEY (anchor_id, key)
    )""",
    """CREATE TABLE equity (
        day TEXT NOT NULL,
        at TEXT NOT NULL,
        day_usd REAL NOT NULL,
        net_liquidation_usd REAL,
        PRIMARY KEY (day, at)
    )""",
    """CREATE TABLE audit (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        who TEXT NOT NULL,
        key TEXT NOT NULL,
        old TEXT NOT NULL,
        new TEXT NOT NULL,
        reason TEXT NOT NULL
    )""",
)

_PLANS = (
    "ALTER TABLE intent ADD COLUMN reason TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE intent ADD COLUMN plan TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE fill ADD COLUMN plan TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE adjustment ADD COLUMN plan TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE position ADD COLUMN stop_price REAL",
    "ALTER TABLE position ADD COLUMN plan TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE position ADD COLUMN partials TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE position_snapshot ADD COLUMN stop_price REAL",
    "ALTER TABLE position_snapshot ADD COLUMN plan TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE position_snapshot ADD COLUMN partials TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE trade ADD COLUMN partials TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE instrument ADD COLUMN symbol TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE instrument ADD COLUMN exchange TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE instrument ADD COLUMN currency TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE instrument ADD COLUMN expiry TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE anchor ADD COLUMN last_stop_move INTEGER NOT NULL DEFAULT 0",
    """CREATE TABLE stop_move (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL,
        price REAL NOT NULL,
        why TEXT NOT NULL,
        at TEXT NOT NULL,
        sign INTEGER NOT NULL CHECK (sign IN (-1, 1))
    )""",
    # Nothing ever moved a stop before there was a place to write it.
    "UPDATE position SET stop_price = initial_stop",
    "UPDATE position_snapshot SET stop_price = initial_stop",
)

_SURVIVAL = (
    # The newest lines for people, without reading past the record of the market between them.
    "CREATE INDEX event_told ON event (seq) WHERE text <> ''",
    # Where the event log was cut off at its old end, so that what is left still verifies.
    """CREATE TABLE chain_anchor (
        seq INTEGER PRIMARY KEY,
        hash TEXT NOT NULL,
        at TEXT NOT NULL
    )""",
    # Rows that could not be read at a start, as they were, out of the way of the others.
    """CREATE TABLE quarantine (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        of_table TEXT NOT NULL,
        content TEXT NOT NULL,
        why TEXT NOT NULL
    )""",
    """CREATE TABLE bar_buffer (
        key TEXT NOT NULL,
        end_at TEXT NOT NULL,
        open REAL NOT NULL,
        high REAL NOT NULL,
        low REAL NOT NULL,
        close REAL NOT NULL,
        volume INTEGER NOT NULL,
        wap REAL,
        trades INTEGER NOT NULL,
        PRIMARY KEY (key, end_at)
    ) WITHOUT ROWID""",
    """CREATE TABLE checkpoint (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        at TEXT NOT NULL,
        day TEXT NOT NULL,
        document TEXT NOT NULL
    )""",
)

_RECOVERY = (
    """CREATE TABLE recovery_decision (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        who TEXT NOT NULL,
        row_id TEXT NOT NULL,
        choice TEXT NOT NULL,
        key TEXT NOT NULL,
        con_id INTEGER NOT NULL,
        perm_id INTEGER NOT NULL,
        quantity TEXT NOT NULL,
        evidence TEXT NOT NULL
    )""",
)

_ORDER_AUDIT = (
    "ALTER TABLE intent ADD COLUMN ticket TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE intent ADD COLUMN preview TEXT NOT NULL DEFAULT ''",
    # When the commission became known: it may come long after its execution.
    "ALTER TABLE fill ADD COLUMN commission_at TEXT",
)

_ALERTS = (
    """CREATE TABLE alert (
        id INTEGER PRIMARY KEY,
        code TEXT NOT NULL,
        level TEXT NOT NULL,
        symbol TEXT NOT NULL,
        text TEXT NOT NULL,
        at TEXT NOT NULL,
        raised INTEGER NOT NULL,
        acknowledged_at TEXT,
        acknowledged_by TEXT NOT NULL DEFAULT '',
        escalated_at TEXT,
        resolved_at TEXT,
        boot_id TEXT NOT NULL
    )""",
    "CREATE INDEX alert_standing ON alert (id) WHERE resolved_at IS NULL",
)

_EVIDENCE = (
    """CREATE TABLE evidence (
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        at TEXT NOT NULL,
        passed INTEGER NOT NULL CHECK (passed IN (0, 1)),
        gateway TEXT NOT NULL,
        account TEXT NOT NULL,
        mode TEXT NOT NULL,
        speed REAL NOT NULL,
        version TEXT NOT NULL,
        code TEXT NOT NULL,
        config TEXT NOT NULL,
        facts TEXT NOT NULL,
        boot_id TEXT NOT NULL,
        PRIMARY KEY (kind, subject)
    )""",
)
_BRAKES = ("ALTER TABLE brake ADD COLUMN at_open TEXT NOT NULL DEFAULT ''",)

_HEALTH = (
    """CREATE TABLE telemetry (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        bars INTEGER NOT NULL,
        proposed INTEGER NOT NULL,
        approved INTEGER NOT NULL,
        submitted INTEGER NOT NULL,
        cycles INTEGER NOT NULL,
        degraded INTEGER NOT NULL,
        figures TEXT NOT NULL,
        boot_id TEXT NOT NULL
    )""",
    "CREATE INDEX telemetry_at ON telemetry (at)",
    """CREATE TABLE up_span (
        boot_id TEXT NOT NULL,
        began_at TEXT NOT NULL,
        ended_at TEXT NOT NULL,
        ended_by TEXT NOT NULL,
        session_open TEXT NOT NULL,
        session_close TEXT NOT NULL,
        PRIMARY KEY (boot_id, began_at)
    ) WITHOUT ROWID""",
)

Migration = Callable[[Connection], None]


def _statements(statements: tuple[str, ...]) -> Migration:
    def migrate(conn: Connection) -> None:
        # One by one: executescript would commit the transaction around them.
        for statement in statements:
            conn.execute(statement)

    return migrate


MIGRATIONS: tuple[Migration, ...] = (
    _statements(_CORE),
    _statements(_OPERATION),
    _statements(_PLANS),
    _statements(_SURVIVAL),
    _statements(_RECOVERY),
    _statements(_ORDER_AUDIT),
    _statements(_ALERTS),
    _statements(_EVIDENCE),
    _statements(_BRAKES),
    _statements(_HEALTH),
    _statements(SESSIONS),
    _statements(LEARNING),
)
"""Number n of user_version is what MIGRATIONS[n-1] leaves behind."""
