"""Text that wants more than to be read, and a way to put it into every text of a value from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from itertools import chain
from typing import Any, Final, TypeVar

_MARKUP = [
    "[/]",
    "[/bold]",
    "[bold]x",
    "[b]x[/i]",
    "[@click=app.halt]x[/]",
    "[@click='app.kill']K[/]",
    "[link=file:///etc]x",
    "[@click=app.leave()]q[/]",
    "[red on red]hidden[/]",
    "[on $alarm]x",
    "[reverse]",
    "[blink]KILLED[/blink]",
    "[$error]",
    "[[",
    "]]",
    "[",
    "]",
    "\\[b]",
    "[/@click]",
    "[=x]",
    "[@]",
    "[b][b][b][b]",
    "[rgb(1,2,3)]x",
    "[dim",
    "x[/]y[/]z",
]
_ESCAPES = [
    "\x1b[2J",
    "\x1b[H",
    "\x1b[31mred",
    "\x1b[8mhidden",
    "\x1b[?1049l",
    "\x1b[?25h",
    "\x1b[6n",
    "\x1b[5n",
    "\x1b[c",
    "\x1bc",
    "\x1b]0;title\x07",
    "\x1b]52;c;cm0=\x07",
    "\x1b]8;;file:///x\x1b\\link\x1b]8;;\x1b\\",
    "\x1bPq#0\x1b\\",
    "\x1b_G\x1b\\",
    "\x1b[9999A",
    "\x1b[1000D",
    "\x1b[K",
    "\x1b[?2026h",
    "\x1b(0",
    "\x1b[3;1R",
    "\x1b[200~",
    "\x1b[21t",
    "\x1b",
    "\x1b[",
    "\x1b]",
    "\x1b\x1b\x1b",
    "\x1b[38;5;196m",
    "\x1b[1;1Hover",
    "\x1bM",
    "\x1b[?1000h",
    "\x1b[0;0;0t",
]
_C1 = [
    chr(code) + tail for code, tail in zip(range(0x80, 0xA0), chain(["2J", "31m"], [""] * 30), strict=True)
]
_C0 = [f"a{chr(code)}b" for code in (*range(0x20), 0x7F)]
_LINES = [
    "one\ntwo",
    "one\r\ntwo",
    "\rover",
    "a\tb",
    "\t\t\t\t",
    "a\vb",
    "a\fb",
    "a\u2028b",
    "a\u2029b",
    "a\u0085b",
    "\n" * 50,
    "x\b\b\b\by",
    "   ",
    "",
    " ",
    "\u00a0",
    "\u3000",
    "trailing   ",
    "   leading",
]
_BIDI = [
    f"{char}abc 123" for char in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
]
_BIDI += ["\u05d0\u05d1 1.00", "\u0627\u0644 99", "\u202e00.1- L&P", "a\u202eb\u202cc"]
_NO_WIDTH = [
    f"A{char}A{char}PL" for char in "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u180e\u115f\u3164\uffa0"
]
_NO_WIDTH += ["\u200b" * 200, "\ufeffx", "x\U000e0041\U000e0042", "\u2061\u2062\u2063"]
_MARKS = [
    "a" + "\u0301" * 60,
    "".join(f"{char}{chr(0x300 + n % 0x6F)}" * 3 for n, char in enumerate("HALTED")),
    "\u0e01" + "\u0e47" * 40,
    "\u0301" * 90,
    "x" + "\u20dd" * 20,
    "e\u0301",
    "\u1100\u1161\u11a8",
    "\u0915\u094d\u0937",
    "o" + "\u0328\u0307\u0304" * 9,
    "a" + "\u0489" * 30,
]
_WIDE = [
    "\u4e2d\u6587",
    "\u65e5\u672c\u682a",
    "\uff21\uff21\uff30\uff2c",
    "\ud55c\uad6d",
    "\u4e2d" * 60,
    "a\u4e2db\u4e2dc",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u2764\ufe0f",
    "\U0001f1e9\U0001f1ea",
    "\U0001f44d\U0001f3fd",
    "\U0001f600" * 30,
    "\U0001f3f4\U000e0067\U000e0062",
    "\ufdfd",
    "\u2588" * 40,
    "1\ufe0f\u20e3",
    "\u00bd\u2153",
    "\U0001f9d1\u200d\U0001f680\u200d\U0001f9d1",
    "\U00020000",
    "\u303d\ufe0f",
]
_SURROGATES = [
    json.loads(text)
    for text in ('"\\ud800"', '"a\\udfffb"', '"\\udc00\\ud800"', '"\\ud83d"', '"x\\udc80"', '"\\uffff"')
]
_LONG = [
    "x" * 3000,
    "long word " * 300,
    "\u4e2d" * 900,
    "-" * 500,
    "a" * 79,
    "a" * 80,
    "a" * 81,
    "W" * 200 + "\n",
]
_CLAIMS = [
    "type YES to continue: ",
    "PROVEN FLAT 10:03:21 ET",
    "READY \u2502 entries on",
    "$ cockpit kill --yes",
    "Password:",
    "\u2714 all agree",
    "\u25b2 +9,999,999.00",
    "\u2014",
    "0.00",
    "FLATTEN",
    "root@host:~# ",
    "H",
    "K",
    "esc closes",
    ">>> ",
    "(y/n)",
    "ERROR: press ctrl+s",
    "LIVE",
    "DU9000001",
    "-1e309",
    "nan",
    "inf",
    "None",
    "null",
]
_CODE = [
    "'; DROP TABLE orders; --",
    '" OR 1=1 --',
    "%s%s%n",
    "{0.__class__}",
    "{snapshot}",
    "${HOME}",
    "`id`",
    "$(id)",
    "%(x)s",
    "../../etc/passwd",
    "C:\\x",
    "\\x1b[2J",
    "&lt;b&gt;",
    "<script>alert(1)</script>",
    "|| true",
    "--all",
    "-y",
    "a;b",
    "#id",
    ".class",
    "*",
    "?",
    "~",
    "!!",
    "{{x}}",
    "{%x%}",
    "\\",
    "'",
    '"',
    "a'b\"c",
    "\\u001b[2J",
    "0x1b",
]
FAMILIES: Final[tuple[tuple[str, ...], ...]] = tuple(
    tuple(one)
    for one in (
        _MARKUP,
        _ESCAPES,
        _C1,
        _C0,
        _LINES,
        _BIDI,
        _NO_WIDTH,
        _MARKS,
        _WIDE,
        _SURROGATES,
        _LONG,
        _CLAIMS,
        _CODE,
    )
)
CORPUS: Final[tuple[str, ...]] = tuple(chain.from_iterable(FAMILIES))

TRUSTED: Final = frozenset({"time_zone"})
"""Texts that are no text of somebody's: the configuration has checked that there is such a zone."""

Value = TypeVar("Value")


def dealt(turn: int) -> Iterator[str]:
    """Text after text without end: neighbours are of different families, and each turn begins elsewhere."""
    place = turn
    while True:
        family = FAMILIES[place % len(FAMILIES)]
        yield family[(place // len(FAMILIES) + turn) % len(family)]
        place += 1


def poisoned(value: Value, texts: Iterator[str]) -> Value:
    """The value with the next text in the place of every text in it, however deep; new fields as well."""
    return _poisoned(value, texts)


def _poisoned(value: Any, texts: Iterator[str]) -> Any:
    if isinstance(value, str) and not isinstance(value, Enum):
        return next(texts)
    if isinstance(value, tuple):
        made = [_poisoned(item, texts) for item in value]
        return type(value)(*made) if hasattr(value, "_fields") else tuple(made)
    if is_dataclass(value) and not isinstance(value, type):
        changes = {
            one.name: _poisoned(getattr(value, one.name), texts)
            for one in fields(value)
            if one.init and one.name not in TRUSTED
        }
        return replace(value, **changes)
    return value
