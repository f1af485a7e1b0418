"""Writes the tables of the README that the code decides: the tour of the keys and the default limits.

Run `python -m tools.readme` from the project's root after an action or a default has changed.
"""

from __future__ import annotations

import sys
from datetime import time
from pathlib import Path

from cockpit.action import Action, Confirm, Group, Where
from cockpit.actions import ACTIONS
from cockpit.keymap import keys_of, shown_key
from engine.config import Config
from engine.config.keys import known_keys, value_at

README = Path(__file__).resolve().parent.parent / "README.md"

LIMITS = {
    "risk.risk_per_trade_pct": "loss of one trade at its stop; its size follows from it",
    "risk.max_positions": "positions at the same time, working entries counted",
    "risk.max_gross_exposure": "exposure of everything held and working",
    "risk.per_symbol_notional_cap": "notional of one stock",
    "risk.per_symbol_margin_cap": "initial margin of one future",
    "risk.max_position_size_pct": "exposure of one position",
    "risk.allow_short.STK": "stocks may be short",
    "risk.allow_short.FUT": "futures may be short",
    "sessions.entry_start": "no entry before",
    "sessions.entry_end": "no entry from here on",
    "market_data.max_quote_age_seconds": "oldest quote an entry may rest on",
    "market_data.max_lines": "market data lines",
    "execution.unfilled_timeout_s": "an entry that has not filled is cancelled after",
}


def key_tables() -> str:
    """The tour of the keys as the action table has it, one Markdown table per group."""
    parts = []
    for group in Group:
        rows = "".join(_key_row(action) for action in ACTIONS if action.group is group)
        parts.append(f"**{group.value}**\n\n| key | what it does |\n|---|---|\n{rows}")
    return "\n".join(parts)


_NAMED_PLACES = {Where.DIAL: "In", Where.LEAVE: "In", Where.RECOVERY: "On"}


def _key_row(action: Action) -> str:
    keys = " ".join(f"`{shown_key(key)}`" for key in keys_of(action, overrides={}))
    asks = f" *First: {action.confirm.value}.*" if action.confirm is not Confirm.NONE else ""
    where = f" *{_NAMED_PLACES[action.where]} {action.where.value}.*" if action.where in _NAMED_PLACES else ""
    return f"| {keys} | **{action.title}.** {action.help}{asks}{where} |\n"


def limit_table() -> str:
    """The default limits as the models have them."""
    known = {key.dotted: key for key in known_keys()}
    rows = "".join(
        f"| {meaning} | {_shown(value_at(Config(), known[name].path))} | {known[name].unit} | `{name}` |\n"
        for name, meaning in LIMITS.items()
    )
    return f"| limit | default | unit | key |\n|---|---|---|---|\n{rows}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:g}"
    return f"{value:%H:%M}" if isinstance(value, time) else str(value)


def written(text: str) -> str:
    """The README with both tables as the code has them now, between their markers."""
    for name, table in (("keys", key_tables()), ("limits", limit_table())):
        begin, end = f"<!-- {name}: written by python -m tools.readme -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"the README has no place for {name}: {begin.strip()} … {end}")
        text = f"{before}{begin}\n{table}\n{end}{after}"
    return text


def main() -> None:
    """Rewrite the tables."""
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"wrote {README.name}\n")


if __name__ == "__main__":
    main()
