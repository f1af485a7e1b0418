"""Behind `cockpit audit replay`: a recorded session through strategies, gate and ledger once more."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from engine.backtest.relive.middle import Part
from engine.backtest.relive.session import Relived, relive
from engine.config import Loaded
from engine.config import Profile as ConfiguredProfile
from engine.market.bars import timeframe_seconds
from engine.runtime import catalogue
from engine.runtime.limits import limits_of
from engine.runtime.process.errors import FailedError
from engine.runtime.shell.state_tools import databases
from engine.store.connection import open_for_reading
from engine.strategy.base import Strategy

_MOST_SHOWN: Final = 20


def parts_of(loaded: Loaded) -> dict[str, Part]:
    """The configured strategies. Those that learn are not played: their wishes are taken from the log."""
    found = {}
    for name, section in loaded.config.strategies.items():
        if not section.enabled:
            continue
        make: Callable[[Sequence[str]], Strategy] = partial(catalogue.create, loaded, name, section)
        strategy = make(())
        short = section.allow_short and section.profile is not ConfiguredProfile.RULES
        short = short and not strategy.long_only
        allowed = loaded.config.risk.allow_short
        found[name] = Part(
            make=None if strategy.learns else make,
            bar_seconds=timeframe_seconds(section.timeframe.value),
            allow_short_stock=short and allowed.STK,
            allow_short_future=short and allowed.FUT,
        )
    return found


def relive_file(loaded: Loaded, path: Path) -> Relived:
    """The whole log of a state file, which is only read. Raises ValueError where it cannot be read."""
    with closing(open_for_reading(path)) as conn:
        return relive(conn, parts_of(loaded), limits_of(loaded.config))


def replay_audit(loaded: Loaded, account: str, *, say: Callable[[str], None]) -> int:
    """Decide every recorded session once more; 1 where something came out another way, with what did.

    Raises FailedError where a log cannot be read, or is from before decisions were recorded.
    """
    code = 0
    for path in databases(loaded.state_dir, account):
        try:
            found = relive_file(loaded, path)
        except (ValueError, sqlite3.DatabaseError) as err:
            raise FailedError(f"{path.parent.name}: {err}.") from err
        code = code or (1 if found.differences else 0)
        say(f"{path.parent.name}: {_words(found)}")
        for one in found.differences[:_MOST_SHOWN]:
            say(f"  step {one.step}, {one.what}: then {one.then}, now {one.now}")
    return code


def _words(found: Relived) -> str:
    made = f"{found.decisions:,} decisions, {found.orders:,} orders, {found.rows:,} rows"
    if not found.differences:
        return f"the same once more: {made}"
    many = len(found.differences)
    return (
        f"{many:,} DIFFERENCES in {made}; where configuration or code have changed since, that is why. "
        f"The first {min(many, _MOST_SHOWN)}:"
    )
