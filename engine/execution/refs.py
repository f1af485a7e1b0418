"""Order references: one per physical send, ours for ever, readable by a person at the broker."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from engine.domain.order import Role

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""The alphabet of base 32 without I, L, O and U."""
_PAIRS = tuple(first + second for first in _CROCKFORD for second in _CROCKFORD)
"""Two characters are ten bits: two references are made on the way of every order."""
_PREFIX = "ck-"
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9.]")


def account_tag(account: str) -> str:
    """Four hex digits that tell accounts apart in a reference without spelling them out."""
    return hashlib.sha256(account.encode()).hexdigest()[:4]


def ulid(epoch_ms: int, entropy: bytes) -> str:
    """A ULID: 48 bits of time, 80 bits of entropy, 26 characters that sort by time (ulid specification)."""
    number = (epoch_ms & (2**48 - 1)) << 80 | int.from_bytes(entropy[:10], "big")
    pairs = _PAIRS  # spelled out: a loop is a call of its own, and an order makes two of these
    return (
        f"{pairs[number >> 120 & 1023]}{pairs[number >> 110 & 1023]}{pairs[number >> 100 & 1023]}"
        f"{pairs[number >> 90 & 1023]}{pairs[number >> 80 & 1023]}{pairs[number >> 70 & 1023]}"
        f"{pairs[number >> 60 & 1023]}{pairs[number >> 50 & 1023]}{pairs[number >> 40 & 1023]}"
        f"{pairs[number >> 30 & 1023]}{pairs[number >> 20 & 1023]}{pairs[number >> 10 & 1023]}"
        f"{pairs[number & 1023]}"
    )


def is_own_ref(ref: str, account: str) -> bool:
    """True where an engine of this account (any run of it) made the reference."""
    return ref.startswith(f"{_PREFIX}{account_tag(account)}-")


class RefMaker:
    """Makes `ck-<account tag>-<symbol>-<ulid>-<role>`; time and entropy are given, so runs repeat exactly."""

    def __init__(self, account: str, *, epoch_ms: Callable[[], int], entropy: Callable[[int], bytes]) -> None:
        self._prefix = f"{_PREFIX}{account_tag(account)}-"
        self._epoch_ms = epoch_ms
        self._entropy = entropy

    def new_id(self) -> str:
        """A fresh ULID, for command, brake and group ids."""
        return ulid(self._epoch_ms(), self._entropy(10))

    def new_ref(self, key: str, role: Role) -> str:
        """A fresh reference. Characters that a symbol may hold but a wire field should not become `.`."""
        plain = key if key.isascii() and key.isalnum() else _NOT_PLAIN.sub(".", key)
        return f"{self._prefix}{plain}-{ulid(self._epoch_ms(), self._entropy(10))}-{role}"

    def is_ours(self, ref: str) -> bool:
        """True where this account's engine (any run of it) made the reference."""
        return ref.startswith(self._prefix)
