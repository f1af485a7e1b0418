"""`cockpit plan`: the day without trading: sessions, universe with reasons, setups, limits, data lines.

A running engine is asked; without one it comes from the configuration, the calendars and the scanner files.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from engine.api import CommandKind, OutcomeStatus, SetupView, Snapshot
from engine.api_selection import UniverseRow
from engine.config import Config, Gateway, Loaded
from engine.domain.market import NEW_YORK
from engine.domain.setup import Setup
from engine.market.calendars import UnknownCalendarError, calendar_name
from engine.market.catalog import parse_symbol
from engine.market.lines import LINES_EACH, room_of
from engine.market.scan_file import ScanFileError, parse_scan_file
from engine.market.sessions import Calendar
from engine.runtime.planning.day import limit_rows, of_symbol, session_rows
from engine.runtime.planning.universe import configured_rows, symbols_of
from engine.runtime.process import remote
from engine.runtime.process.errors import FailedError, NotRunningError
from engine.runtime.process.gateway_process import FOLDER, STATUS_NAME, read_status
from engine.runtime.process.paths import DATABASE
from engine.runtime.process.registry import Running
from engine.runtime.process.remote import Say, printable
from engine.runtime.sessions.maker import MakerError, made_elsewhere
from engine.runtime.sessions.tables import is_short, wanted_span
from engine.runtime.setups.folder import Found, Unreadable, look
from engine.runtime.setups.history import traded_symbols
from engine.runtime.shell.plan_text import lines_of
from engine.runtime.shell.status import cycle
from engine.store.connection import open_for_reading
from engine.store.sessions import stored_calendars

Document = dict[str, Any]

OWN_SCANS: Final = "scanner"
"""Folder of our own scans beside an account's database."""


def show_plan(loaded: Loaded, *, is_named: bool, environ: Mapping[str, str], as_json: bool, say: Say) -> int:
    """Print the day; 0 always: a plan that lacks something says so."""
    try:
        engine = remote.find(loaded, is_named=is_named, environ=environ)
    except NotRunningError:
        document = without_engine(loaded, environ=environ)
    else:
        document = of_engine(engine)
    if as_json:
        say(json.dumps(document, indent=2))
        return 0
    for line in lines_of(document):
        say(printable(line))
    return 0


# --- a running engine ---------------------------------------------------------------------------------


def of_engine(engine: Running) -> Document:
    """Asked of the engine. Raises FailedError where it does not answer."""
    handle = remote.connect(engine)
    try:
        command = remote.new_command(CommandKind.PLAN, reason="shell")
        outcome = remote.answer_to(handle, command, engine=engine, within_s=remote.ANSWER_S)
        snapshot = handle.snapshot()
    finally:
        handle.close()
    if outcome.status is not OutcomeStatus.DONE:
        raise FailedError(f"{printable(outcome.text)} [{outcome.code}].")
    return merged(json.loads(outcome.details[0]), snapshot)


def merged(told: Mapping[str, Any], snapshot: Snapshot) -> Document:
    """What the engine answered, with what it shows all the time."""
    keys: Mapping[str, Sequence[str]] = told["keys"]
    return {
        "source": "engine",
        "as_of": told["as_of"],
        "day": told["day"],
        "mode": snapshot.mode.value,
        "gateway": snapshot.gateway_text,
        "account": snapshot.account,
        "entries": snapshot.entries_text,
        "sessions": told["sessions"],
        "strategies": [
            {
                "name": s.name,
                "kind": s.kind,
                "timeframe": s.timeframe,
                "state": s.state,
                "symbols": list(keys.get(s.name, s.symbols)),
            }
            for s in snapshot.strategies
        ],
        "universe": _universe(snapshot, keys),
        "cycle": cycle(snapshot.selection.pipeline.last),
        "regime": {"text": snapshot.selection.regime.text, "factor": snapshot.selection.regime.factor},
        "setups": [_setup_view(view) for view in snapshot.setups],
        "limits": told["limits"],
        "data_lines": _lines(snapshot, told),
        "notes": [f"{brake.kind.value} {brake.scope}: {brake.reason}" for brake in snapshot.brakes],
    }


def _universe(snapshot: Snapshot, keys: Mapping[str, Sequence[str]]) -> list[Document]:
    """One row per strategy and instrument: left out of the universe, or what the strategy waits for."""
    judged = {row.symbol: row for row in snapshot.selection.universe}
    waiting = {(why.strategy, why.symbol): (why.code, why.text) for why in snapshot.why_not}
    rows = []
    for name, symbols in keys.items():
        for symbol in symbols:
            row = judged.get(symbol)
            code, text = waiting.get((name, symbol), ("", "may be entered"))
            if row is not None and row.code:
                code, text = row.code, row.text
            rows.append(
                {
                    "symbol": symbol,
                    "strategy": name,
                    "tier": None if row is None else row.tier,
                    "theme": "" if row is None else row.theme,
                    "code": code,
                    "text": text,
                }
            )
    traded = {symbol for symbols in keys.values() for symbol in symbols}
    return rows + [_untraded(row) for row in snapshot.selection.universe if row.symbol not in traded]


def _untraded(row: UniverseRow) -> Document:
    """An instrument that was discovered, or that a scanner dropped: no strategy trades it."""
    return {
        "symbol": row.symbol,
        "strategy": "",
        "tier": row.tier,
        "theme": row.theme,
        "code": row.code,
        "text": row.text if row.code else "no strategy trades it",
    }


def _lines(snapshot: Snapshot, told: Mapping[str, Any]) -> Document:
    lines = snapshot.selection.lines
    return {
        "used": lines.used if lines.limit else len({key for one in told["keys"].values() for key in one}),
        "limit": lines.limit or told["max_lines"],
        "left_out": list(lines.left_out),
    }


def _setup_view(view: SetupView) -> Document:
    return {
        "symbol": view.symbol,
        "strategy": view.strategy,
        "resistance": view.resistance,
        "support": view.support,
        "score": view.score,
        "attempts_long": view.attempts_long,
        "attempts_short": view.attempts_short,
        "source": view.source,
    }


# --- without one --------------------------------------------------------------------------------------


def without_engine(loaded: Loaded, *, environ: Mapping[str, str]) -> Document:
    """From the configuration, the calendars and the scanner files; nothing is changed or connected."""
    config = loaded.config
    now, notes = exchange_now(loaded)
    symbols = traded_symbols(config)
    calendars, trouble = calendars_for(loaded, symbols, now=now, environ=environ)
    planned = [of_symbol(symbol, calendars, config, now=now) for symbol in symbols]
    closes = [one.day.closes for one in planned if one.day is not None and "@" not in one.symbol]
    day = min(closes, default=now).astimezone(NEW_YORK).date()
    setups, said = setups_of(loaded, day)
    traded = symbols_of(config, setups)
    lines, room = _wanted_lines(config, traded), room_of(config.market_data.max_lines)
    return {
        "source": "configuration",
        "as_of": now.isoformat(),
        "day": day.isoformat(),
        "mode": "",
        "gateway": loaded.gateway.value,
        "account": config.connection.account,
        "entries": "no engine is running",
        "sessions": session_rows(planned),
        "strategies": [
            {
                "name": name,
                "kind": section.kind,
                "timeframe": section.timeframe.value,
                "state": "on" if section.enabled else "off",
                "symbols": list(traded[name]),
            }
            for name, section in config.strategies.items()
        ],
        "universe": configured_rows(config, setups, level_kinds=level_kinds()),
        "cycle": None,
        "regime": {"text": "an engine finds it in history", "factor": 1.0},
        "setups": [_setup(setup) for setup in setups],
        "limits": limit_rows(config),
        "data_lines": {
            "used": LINES_EACH * min(len(lines), room),
            "limit": config.market_data.max_lines,
            "left_out": list(lines[room:]),
        },
        "notes": [*notes, *trouble, *said, *_discovery_note(config)],
    }


def _discovery_note(config: Config) -> list[str]:
    """What this plan cannot know: futures are found at the broker."""
    if not config.universe.futures.discover:
        return []
    where = ", ".join(config.universe.futures.exchanges)
    return [f"futures of {where} that nobody named are looked for by a running engine"]


def _wanted_lines(config: Config, traded: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Every symbol that takes a data line, in the order of the configuration."""
    enabled = (symbols for name, symbols in traded.items() if config.strategies[name].enabled)
    return tuple(dict.fromkeys(symbol for symbols in enabled for symbol in symbols))


def level_kinds() -> frozenset[str]:
    """Kinds of strategies that trade the levels of the day."""
    from engine.strategy import STRATEGIES

    return frozenset(name for name in STRATEGIES.names() if STRATEGIES.get(name).wants_setups)


def exchange_now(loaded: Loaded) -> tuple[datetime, list[str]]:
    """The exchange's time, as the paper gateway last wrote it; the machine's own for a real one."""
    if loaded.gateway is not Gateway.EMBEDDED:
        return datetime.now(UTC), []
    status = read_status(loaded.state_dir / FOLDER / STATUS_NAME)
    try:
        return datetime.fromtimestamp(float((status or {})["epoch"]), UTC), []
    except (KeyError, TypeError, ValueError):
        return datetime.now(UTC), ["the paper gateway has no session yet; it begins one at its first start"]


def calendars_for(
    loaded: Loaded, symbols: Sequence[str], *, now: datetime, environ: Mapping[str, str]
) -> tuple[dict[str, Calendar], list[str]]:
    """Calendars of these symbols: from a store that has them, the rest made now (and not kept)."""
    known = _stored(loaded.state_dir)
    names = {_calendar(symbol) for symbol in symbols} - {""}
    short = sorted(name for name in names if is_short(known.get(name), now))
    if not short:
        return known, []
    try:
        return known | made_elsewhere(short, *wanted_span(now), environ=environ), []
    except MakerError as err:
        return known, [f"no calendar of {', '.join(short)} could be made: {err}"]


def _calendar(symbol: str) -> str:
    wanted = parse_symbol(symbol)
    try:
        return calendar_name(wanted.sec_type, wanted.exchange, wanted.symbol)
    except UnknownCalendarError:
        return ""  # told with its row


def _stored(state_dir: Path) -> dict[str, Calendar]:
    known: dict[str, Calendar] = {}
    for path in sorted(state_dir.glob(f"*/{DATABASE}")):
        try:
            with closing(open_for_reading(path)) as conn:
                known |= stored_calendars(conn)
        except (sqlite3.DatabaseError, ValueError):
            continue  # older than the table, or damaged: the calendars are made anew
    return known


def setups_of(loaded: Loaded, day: date) -> tuple[tuple[Setup, ...], list[str]]:
    """The levels of the day from the file an engine would take, and what is wrong with it."""
    own = [
        path.parent / OWN_SCANS
        for path in sorted(loaded.state_dir.glob(f"{loaded.gateway.value}-*/{DATABASE}"))
    ]
    found = look((loaded.scanner_dir, *own), day)
    if isinstance(found, Unreadable):
        return (), [found.text]
    if not isinstance(found, Found):
        return (), []
    try:
        read = parse_scan_file(found.text, name=found.path.name, day=day)
    except ScanFileError as err:
        return (), [str(err)]
    return read.setups, [f"{found.path.name} row {b.number} {b.symbol}: {b.text}" for b in read.bad]


def _setup(setup: Setup) -> Document:
    return {
        "symbol": setup.key,
        "resistance": setup.resistance,
        "support": setup.support,
        "targets": list(setup.long_targets),
        "short_targets": list(setup.short_targets),
        "score": setup.score,
        "source": setup.source,
    }
