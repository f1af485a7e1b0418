"""TWS text framing: bytes in and out of typed fields, with nothing trusted.

A frame is a 4-byte big-endian length and a payload; a payload is fields, each ended by NUL; field 0 is
the message id. Clients may send anything: a wrong length raises `FrameError` (the connection is lost),
a wrong field raises `FieldError` (error 320 to the client, the connection lives).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from engine.gateway.model import UNSET

MAX_FRAME_BYTES: Final = 0xFFFFFF
UNSET_INT: Final = 2_147_483_647
_MOST_INTEGER: Final = 2**53
_LENGTH_BYTES: Final = 4
_UNSET_TEXT: Final = "1.7976931348623157E308"

Field = str | int | float | bool | None


class FrameError(Exception):
    """The byte stream is not TWS framing; it cannot be resynchronised."""


class FieldError(Exception):
    """A field is missing or is not what the message has at that place."""


def frame(payload: bytes) -> bytes:
    """The payload with its length in front."""
    return len(payload).to_bytes(_LENGTH_BYTES, "big") + payload


def field_text(value: Field) -> str:
    """One value as the wire writes it.

    Whole numbers never carry `.0` (old clients read sizes with int()), unset is the documented maximum,
    infinity is a word, non-ASCII text is escaped (server versions >= 153), NUL cannot occur.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return _escaped(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value)
    return _float_text(value)


def _float_text(value: float) -> str:
    if value == UNSET:
        return _UNSET_TEXT
    if math.isinf(value):
        return "Infinite" if value > 0 else "-Infinite"
    if math.isnan(value):
        return ""
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


def _escaped(text: str) -> str:
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return "".join(_escaped_char(char) for char in text)


def _escaped_char(char: str) -> str:
    code = ord(char)
    if code == 0:
        return ""
    if code < 0x80:
        return char
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def message(*fields: Field) -> bytes:
    """A framed message of these fields."""
    return frame("".join([field_text(field) + "\0" for field in fields]).encode("ascii"))


def clean(text: str) -> str:
    """The text without control characters: what a client sends is echoed to logs and to other clients."""
    return text if text.isprintable() else "".join(char for char in text if char.isprintable())


class FrameSplitter:
    """Cuts a byte stream into payloads; keeps the unfinished rest."""

    def __init__(self, *, max_bytes: int = MAX_FRAME_BYTES) -> None:
        self._buffer = bytearray()
        self._max_bytes = max_bytes

    def feed(self, data: bytes) -> None:
        """Append what arrived."""
        self._buffer += data

    @property
    def pending_bytes(self) -> int:
        """How much waits for the rest of its frame."""
        return len(self._buffer)

    def take(self, count: int) -> bytes | None:
        """The next `count` raw bytes, or None while they are not all here."""
        if len(self._buffer) < count:
            return None
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def next_payload(self) -> bytes | None:
        """The next whole payload, or None. Raises FrameError on an impossible length."""
        if len(self._buffer) < _LENGTH_BYTES:
            return None
        length = int.from_bytes(self._buffer[:_LENGTH_BYTES], "big")
        if length == 0 or length > self._max_bytes:
            raise FrameError(f"frame length {length} is outside 1..{self._max_bytes}")
        if len(self._buffer) < _LENGTH_BYTES + length:
            return None
        payload = bytes(self._buffer[_LENGTH_BYTES : _LENGTH_BYTES + length])
        del self._buffer[: _LENGTH_BYTES + length]
        return payload


def split_fields(payload: bytes) -> list[str]:
    """The payload's fields, control characters removed. Raises FrameError where it does not end in NUL."""
    if not payload.endswith(b"\0"):
        raise FrameError("payload does not end its last field with NUL")
    text = payload[:-1].decode("utf-8", errors="replace")
    return [clean(field) for field in text.split("\0")]


class FieldReader:
    """Reads one message's fields in order, each as the type its place has."""

    def __init__(self, fields: Iterable[str]) -> None:
        self._fields = list(fields)
        self._at = 0

    @property
    def left(self) -> int:
        """Fields not read yet; 0 after a message was understood whole."""
        return len(self._fields) - self._at

    def text(self, name: str) -> str:
        """The next field as text."""
        if self._at >= len(self._fields):
            raise FieldError(f"message ends before field '{name}'")
        value = self._fields[self._at]
        self._at += 1
        return value

    def skip(self, count: int, *, name: str) -> None:
        """Pass over fields this gateway has no use for."""
        for _ in range(count):
            self.text(name)

    def integer(self, name: str, *, default: int = 0) -> int:
        """The next field as a whole number; empty and unset give the default."""
        raw = self.text(name)
        if raw == "":
            return default
        try:
            value = int(raw)
        except ValueError:
            value = self._whole(raw, name=name)
        if abs(value) > _MOST_INTEGER:
            raise FieldError(f"field '{name}' is too large: {raw[:40]!r}")
        return default if value == UNSET_INT else value

    @staticmethod
    def _whole(raw: str, *, name: str) -> int:
        try:
            number = float(raw)
        except ValueError:
            raise FieldError(f"field '{name}' is not a whole number: {raw[:40]!r}") from None
        if not number.is_integer():
            raise FieldError(f"field '{name}' is not a whole number: {raw[:40]!r}")
        return int(number)

    def number(self, name: str, *, may_be_infinite: bool = False) -> float | None:
        """The next field as a number; None where it is empty or unset."""
        raw = self.text(name)
        if raw == "":
            return None
        try:
            value = math.inf if raw == "Infinite" else float(raw)
        except ValueError:
            raise FieldError(f"field '{name}' is not a number: {raw[:40]!r}") from None
        if math.isnan(value) or (math.isinf(value) and not may_be_infinite):
            raise FieldError(f"field '{name}' is not a number: {raw[:40]!r}")
        return None if value == UNSET else value

    def flag(self, name: str) -> bool:
        """The next field as a boolean; empty is false."""
        raw = self.text(name)
        if raw in {"", "0", "false", "False"}:
            return False
        if raw in {"1", "true", "True"}:
            return True
        raise FieldError(f"field '{name}' is not 0 or 1: {raw[:40]!r}")

    def count(self, name: str, *, most: int) -> int:
        """The next field as the length of a list; bounded, so that a lie cannot exhaust memory."""
        value = self.integer(name)
        if not 0 <= value <= most:
            raise FieldError(f"field '{name}' is not between 0 and {most}: {value}")
        return value
