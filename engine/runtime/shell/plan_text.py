"""The day's plan as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.domain.market import NEW_YORK

Document = Mapping[str, Any]


def lines_of(document: Document) -> list[str]:
    """Every part with its heading; times are New York's."""
    whose = " · ".join(filter(None, (document["mode"], document["gateway"], document["account"])))
    asked = "the running engine" if document["source"] == "engine" else "the configuration (no engine runs)"
    return [
        f"Plan for {document['day']} by {asked}",
        f"{whose} · {_day_clock(document['as_of'])} ET · {document['entries']}",
        *_part("Sessions (ET)", _sessions(document["sessions"])),
        *_part("Strategies", _strategies(document["strategies"])),
        *_part("Universe", _universe(document["universe"])),
        *_part("Last decision cycle", _cycle(document["cycle"])),
        *_part("Regime", [document["regime"]["text"] or "not known yet"]),
        *_part("Setups", _setups(document["setups"])),
        *_part("Limits", _limits(document["limits"])),
        *_part("Data lines", _data_lines(document["data_lines"])),
        *_part("Notes", document["notes"]),
    ]


def _part(heading: str, lines: Iterator[str] | Sequence[str]) -> list[str]:
    return ["", heading, *(f"  {line}" for line in list(lines) or ["none"])]


def _sessions(rows: Sequence[Document]) -> Iterator[str]:
    for row in rows:
        symbols = " ".join(row["symbols"])
        if row["opens"] is None:
            yield f"not known ({row['source']}): {symbols}"
            continue
        early = ", EARLY CLOSE" if row["early_close"] else ""
        entries = "no entries"
        if row["entries_from"] is not None:
            entries = f"entries {_clock(row['entries_from'])} to {_clock(row['entries_until'])}"
        yield (
            f"{_day_clock(row['opens'])} to {_day_clock(row['closes'])}{early}, {entries}, "
            f"flat by {_clock(row['flat_by'])} ({row['source']}): {symbols}"
        )


def _strategies(rows: Sequence[Document]) -> Iterator[str]:
    for row in rows:
        yield f"{row['name']}: {row['kind']} {row['timeframe']}, {row['state']}, {' '.join(row['symbols'])}"


def _universe(rows: Sequence[Document]) -> Iterator[str]:
    for row in rows:
        why = f"{row['text']} ({row['code']})" if row["code"] else row["text"]
        placed = [f"tier {row['tier']}"] if row["tier"] else []
        placed += [row["theme"]] if row["theme"] else []
        yield f"{row['symbol']:8} {' '.join((row['strategy'] or 'watched only', *placed))}: {why}"


def _cycle(cycle: Document | None) -> Iterator[str]:
    """One line per stage: how many came, how many went on, and what held back the rest."""
    for stage in () if cycle is None else cycle["stages"]:
        yield f"{stage['stage']:10} {stage['text']}"


def _setups(rows: Sequence[Document]) -> Iterator[str]:
    for row in rows:
        levels = f"above {row['resistance']:.10g}, below {row['support']:.10g}"
        yield f"{row['symbol']:8} score {row['score']:5.1f}, {levels} ({row['source']})"


def _limits(rows: Sequence[Document]) -> Iterator[str]:
    width = max((len(row["key"]) for row in rows), default=0)
    for row in rows:
        yield f"{row['key']:{width}}  {row['value']} {row['unit']}".rstrip()


def _data_lines(lines: Document) -> Iterator[str]:
    yield f"{lines['used']} of {lines['limit']} in use"
    if lines["left_out"]:
        yield f"without a line, so not traded: {' '.join(lines['left_out'])}"


def _clock(iso: str) -> str:
    return f"{_eastern(iso):%H:%M}"


def _day_clock(iso: str) -> str:
    return f"{_eastern(iso):%a %Y-%m-%d %H:%M}"


def _eastern(iso: str) -> datetime:
    return datetime.fromisoformat(iso).astimezone(NEW_YORK)
