"""What the pivot trader did on a recorded day, as text that is kept beside the tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from pathlib import Path
from unittest.mock import patch

from engine.backtest.relive.session import Relived
from engine.market.scan_file import file_name, render_scan_file
from engine.runtime import publisher
from engine.runtime.shell.relive import relive_file
from tests.days.lockstep import Lockstep, loaded, lockstep
from tests.days.recorded import FLAT, NEW_YORK, RecordedDay, setup_of, tape_of

FOLDER = Path(__file__).with_name("trades")
_NOBODY_LOOKS: Mapping[str, float] = {"MARKET_INTERVAL_S": 5.0, "SILENCE_S": 5.0}
STRATEGY: Mapping[str, object] = {"kind": "pivot_break", "timeframe": "5s", "allow_short": True}
OVERRIDES: Mapping[str, object] = {"risk.allow_short.STK": True}
_FILLS = (
    "SELECT f.at, f.key, f.side, f.quantity, f.price, f.role, f.reason, i.note"
    " FROM fill f LEFT JOIN intent i ON i.ref = f.order_ref ORDER BY f.seq"
)


def path_of(one: RecordedDay) -> Path:
    """The kept file of a day."""
    return FOLDER / f"{one.name}.txt"


async def trades_of(one: RecordedDay, folder: Path, *, until: time = FLAT, tape_ends: bool = False) -> str:
    """Play a day up to `until` (New York time), where the tape may end, too, and tell every fill."""
    setup = setup_of(one)
    scanner = folder / "scanner"
    scanner.mkdir(parents=True)
    (scanner / file_name(one.day)).write_text(render_scan_file(one.day, [setup]), encoding="utf-8")
    with patch.multiple(publisher, **_NOBODY_LOOKS):
        async with lockstep(
            folder,
            tape=tape_of(one, folder / "tape", until=one.at(until) if tape_ends else None),
            day=one.day,
            strategies={"ps60": {**STRATEGY, "symbols": [one.symbol]}},
            overrides={**OVERRIDES, "universe.scanner_dir": str(scanner)},
        ) as here:
            await here.ready()
            await here.play(one.at(until))
            text = "".join(f"{line}\n" for line in (*_levels(here), *await _fills(here)))
        await here.store.close()
    return text


def again(one: RecordedDay, folder: Path) -> Relived:
    """The session that `trades_of` left in `folder`, decided once more from its own log."""
    beside = folder / "again"
    beside.mkdir()
    strategies = {"ps60": {**STRATEGY, "symbols": [one.symbol]}}
    return relive_file(loaded(beside, strategies, OVERRIDES), folder / "cockpit.db")


def up_to(text: str, until: time) -> str:
    """The lines of a kept day until then."""
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if line.startswith("#") or line[:8] < f"{until:%H:%M:%S}")


def _levels(here: Lockstep) -> list[str]:
    return [
        f"# {setup.key} {setup.day}: resistance {setup.resistance:g} to {_prices(setup.long_targets)}, "
        f"support {setup.support:g} to {_prices(setup.short_targets)}"
        for setup in here.engine.parts.desk.setups.values()
    ]


def _prices(targets: tuple[float, ...]) -> str:
    return " and ".join(f"{target:g}" for target in targets)


async def _fills(here: Lockstep) -> list[str]:
    return [
        f"{_new_york(at)} {key} {side} {quantity} at {price}, {role}: {note or reason}"
        for at, key, side, quantity, price, role, reason, note in await here.rows(_FILLS)
    ]


def _new_york(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone(NEW_YORK):%H:%M:%S}"
