"""The file of what an operator changed while it ran: it outlives the run, and says who did it and when."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import tomli_w

from engine.config.atomic import write_atomically
from engine.config.errors import ConfigError, Layer, Origin, Problem
from engine.config.explain import given_text
from engine.config.layers import LayerValues, flat, put, read_toml
from engine.config.lines import line_of
from engine.config.runtime import RUNTIME_WORDS, RuntimeRefusal, checked_runtime, checked_word, is_runtime

CHANGED: Final = "changed"
"""Table of the file: dotted key -> who changed it and when."""

SWITCHED_OFF: Final = "switched_off"
"""Table of the file: strategy -> who switched it off and when."""


class Changed(NamedTuple):
    """Who changed something while it ran."""

    who: str
    at: datetime
    """Aware UTC."""
    was: str = ""
    """What it replaced, as text; empty for a switch."""

    def __str__(self) -> str:
        was = f"was {self.was}, " if self.was else ""
        return f"{was}by {self.who}, {self.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


class Overrides(NamedTuple):
    """Everything that the file says."""

    values: LayerValues
    """The changed keys, as a layer above the others."""
    changed: Mapping[str, Changed]
    """Dotted key -> who changed it."""
    switched_off: Mapping[str, Changed]
    """Strategy -> who switched it off."""


NO_OVERRIDES: Final = Overrides(LayerValues(Layer.RUNTIME), MappingProxyType({}), MappingProxyType({}))


def read_overrides(path: Path) -> Overrides:
    """What the file says. Raises ConfigError for a key or value that could not have been set."""
    values = read_toml(path, Layer.RUNTIME)
    problems = list(values.problems)
    changed = _notes(values, CHANGED, path, problems)
    off = _notes(values, SWITCHED_OFF, path, problems)
    problems += [
        Problem(line_of(values.origins, key) or Origin(Layer.RUNTIME, str(path)), ".".join(key), text)
        for key, value in flat(values.tree)
        if (text := _problem(".".join(key), value))
    ]
    if problems:
        raise ConfigError(*problems)
    return Overrides(values, MappingProxyType(changed), MappingProxyType(off))


def save_override(path: Path, key: str, value: float | str, *, changed: Changed | None = None) -> None:
    """Remember one runtime value, or word, over restarts, beside what is already remembered.

    The file is replaced whole: after a failure (OSError) the old one is untouched. Raises RuntimeRefusal
    for a key or value that could not be set, ValueError where the existing file is not valid TOML.
    """
    checked = checked_word(key, value).value if isinstance(value, str) else checked_runtime(key, value)
    tree = _tree(path)
    put(tree, tuple(key.split(".")), checked)
    if changed is not None:
        put(tree, (CHANGED, key), _row(changed))
    write_atomically(path, tomli_w.dumps(tree))


def save_switch(path: Path, strategy: str, off: Changed | None) -> None:
    """Remember who switched a strategy off; None where it is on again. Raises as `save_override`."""
    tree = _tree(path)
    known = tree.get(SWITCHED_OFF)
    table = dict(known) if isinstance(known, dict) else {}
    table.pop(strategy, None)
    if off is not None:
        table[strategy] = _row(off)
    tree.pop(SWITCHED_OFF, None)
    if table:
        tree[SWITCHED_OFF] = table
    write_atomically(path, tomli_w.dumps(tree))


def _tree(path: Path) -> dict[str, object]:
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _row(changed: Changed) -> dict[str, object]:
    return {name: value for name, value in changed._asdict().items() if value != ""}


def _notes(values: LayerValues, table: str, path: Path, problems: list[Problem]) -> dict[str, Changed]:
    """Take one of the tables that say who out of the tree of values."""
    found = values.tree.pop(table, {})
    notes: dict[str, Changed] = {}
    for name, row in found.items() if isinstance(found, dict) else ():
        note = _note(row)
        if note is None:
            place = line_of(values.origins, (table, name)) or Origin(Layer.RUNTIME, str(path))
            problems.append(Problem(place, f"{table}.{name}", "expected who, at and was: remove the table"))
        else:
            notes[name] = note
    return notes


def _note(row: object) -> Changed | None:
    match row:
        case {"who": str(who), "at": datetime() as at, **rest} if at.tzinfo is not None:
            return Changed(who, at, str(rest.get("was", "")))
        case _:
            return None


def _problem(key: str, value: object) -> str:
    if not is_runtime(key):
        return "is not a runtime value: remove the line"
    is_word = key in RUNTIME_WORDS
    if isinstance(value, bool) or not isinstance(value, str if is_word else int | float):
        return f"= {given_text(key, value)}: expected a {'word' if is_word else 'number'}"
    try:
        checked_word(key, str(value)) if is_word else checked_runtime(key, float(str(value)))
    except RuntimeRefusal as err:
        return f"cannot be used: {err}"
    return ""
