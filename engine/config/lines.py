"""Finds the line of every key in a TOML text, because tomllib forgets them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import TypeVar

Path = tuple[str | int, ...]
V = TypeVar("V")

_KEY_PART = re.compile(r"""[ \t]*("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*""")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
# Longest first: a multi-line string also begins like an empty one-line string.
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)


def key_lines(text: str) -> dict[Path, int]:
    """Line (from 1) of each table header and key. `text` must be valid TOML.

    Keys inside inline tables and arrays are not listed: ask for them with `line_of`, which answers with
    the line of the nearest key around them.
    """
    lines: dict[Path, int] = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    for at, is_header, is_array, parts in _statements(text):
        line = text.count("\n", 0, at) + 1
        if is_header:
            table = _indexed(parts, counts, is_array)
            lines.setdefault(table, line)
        else:
            lines[table + parts] = line
    return lines


def line_of(lines: Mapping[Path, V], path: Path) -> V | None:
    """Line of `path`, else of the nearest key or table that holds it; None where the text has none."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _statements(text: str) -> Iterator[tuple[int, bool, bool, Path]]:
    """Each header or key: (position, is a header, is of an array of tables, its parts)."""
    position = _skip_blank(text, 0)
    while position < len(text):
        start = position
        brackets = 2 if text.startswith("[[", position) else 1 if text[position] == "[" else 0
        parts, position = _key(text, position + brackets)
        if brackets:
            position += brackets
        else:
            position = _value_end(text, position + 1)
        yield start, brackets > 0, brackets == 2, parts
        position = _skip_blank(text, position)


def _indexed(parts: Path, counts: dict[Path, int], is_array: bool) -> Path:
    """The path of a header, with the index of each array of tables that it goes through."""
    path: Path = ()
    for part in parts[:-1]:
        path = (*path, part)
        if path in counts:
            path = (*path, counts[path])
    path = (*path, *parts[-1:])
    if is_array:
        counts[path] = counts.get(path, -1) + 1
        path = (*path, counts[path])
    return path


def _key(text: str, position: int) -> tuple[Path, int]:
    parts: list[str] = []
    while match := _KEY_PART.match(text, position):
        parts.append(_unquoted(match[1]))
        position = match.end()
        if position >= len(text) or text[position] != ".":
            break
        position += 1
    return tuple(parts), position


def _unquoted(part: str) -> str:
    if part[0] not in "\"'":
        return part
    return str(tomllib.loads(f"v = {part}")["v"])


def _value_end(text: str, position: int) -> int:
    """Where the value that begins at `position` ends: at a line end outside strings and brackets."""
    depth = 0
    while position < len(text):
        char = text[position]
        if char in "\"'" and (match := _STRING.match(text, position)):
            position = match.end()
            continue
        if char == "#":
            position = _line_end(text, position)
            continue
        if char == "\n" and depth == 0:
            return position
        depth += (char in "[{") - (char in "]}")
        position += 1
    return position


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _skip_blank(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position
