"""Turns what the models refused into problems that name place, key, given value and expectation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import time
from typing import NamedTuple

from pydantic import ValidationError

from engine.config.errors import DEFAULT, Origin, Problem, shown
from engine.config.keys import nearest
from engine.config.lines import Path, line_of

_NAME_MARK = "[key]"
"""What pydantic puts behind the name of a table entry when the name itself is wrong."""


class _Refused(NamedTuple):
    path: Path
    is_name: bool
    kind: str
    message: str
    given: object


def problems_of(error: ValidationError, origins: Mapping[Path, Origin]) -> Iterator[Problem]:
    """One problem per wrong key. A table is not blamed again for what is wrong inside it."""
    refused = [
        _refused(detail["loc"], detail["type"], detail["msg"], detail["input"]) for detail in _details(error)
    ]
    paths = [item.path for item in refused]
    for item in refused:
        size = len(item.path)
        if item.is_name or not any(len(path) > size and path[:size] == item.path for path in paths):
            yield _problem(item, line_of(origins, item.path) or DEFAULT)


def given_text(key: str, value: object) -> str:
    """A given value for a message; times as they are written in the file."""
    return shown(key, f"{value:%H:%M}" if isinstance(value, time) else value)


def _details(error: ValidationError) -> list[dict[str, object]]:
    return [dict(detail) for detail in error.errors(include_url=False)]


def _refused(loc: object, kind: object, message: object, given: object) -> _Refused:
    path: Path = loc if isinstance(loc, tuple) else ()
    is_name = bool(path) and path[-1] == _NAME_MARK
    return _Refused(path[:-1] if is_name else path, is_name, str(kind), str(message), given)


def _problem(item: _Refused, origin: Origin) -> Problem:
    key = ".".join(str(part) for part in item.path)
    given = "" if isinstance(item.given, dict) or item.is_name else f"= {given_text(key, item.given)}"
    if item.kind == "extra_forbidden":
        hint = nearest(tuple(str(part) for part in item.path))
        meant = f"; did you mean {hint}?" if hint else ""
        return Problem(origin, key, f"{given} is not a key{meant}".strip())
    if item.kind == "missing":
        return Problem(origin, key, "is missing: expected a value")
    expected = _expectation(item.message)
    if item.is_name:
        return Problem(origin, key, f"is no name for a strategy: {expected}")
    return Problem(origin, key, f"{given}: {expected}" if given else expected)


def _expectation(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Input should be ")
    text = text.replace("in a valid time format, ", "a time as 'HH:MM': ").replace("an object", "a table")
    text = (
        text.replace("Tuple should have", "").replace("String should have", "").replace("character", "letter")
    )
    text = text.replace(" after validation, not 0", "").replace("valid tuple", "list").strip()
    return text if text.startswith("expected") else f"expected {text}"
