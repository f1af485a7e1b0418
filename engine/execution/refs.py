"""Order references: one per physical send, ours for ever, readable by a person at the broker."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable

from engine.domain.order import Role

_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ")
"""From the usual alphabet of base 32 (RFC 4648) to the one without I, L, O and U."""
_PREFIX = "ck-"
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9.]")


def account_tag(account: str) -> str:
    """Four hex digits that tell accounts apart in a reference without spelling them out."""
    return hashlib.sha256(account.encode()).hexdigest()[:4]


def ulid(epoch_ms: int, entropy: bytes) -> str:
    """A ULID: 48 bits of time, 80 bits of entropy, 26 characters that sort by time (ulid specification)."""
    number = (epoch_ms & (2**48 - 1)) << 80 | int.from_bytes(entropy[:10], "big")
    # 130 bits are 26 characters; 6 more make whole bytes.
    return base64.b32encode((number << 6).to_bytes(17, "big"))[:26].translate(_CROCKFORD).decode()


def is_own_ref(ref: str, account: str) -> bool:
    """True where an engine of this account (any run of it) made the reference."""
    return ref.startswith(f"{_PREFIX}{account_tag(account)}-")


class RefMaker:
    """Makes `ck-<account tag>-<symbol>-<ulid>-<role>`; time and entropy are given, so runs repeat exactly."""

    def __init__(self, account: str, *, epoch_ms: Callable[[], int], entropy: Callable[[int], bytes]) -> None:
        self._tag = account_tag(account)
        self._epoch_ms = epoch_ms
        self._entropy = entropy

    def new_id(self) -> str:
        """A fresh ULID, for command, brake and group ids."""
        return ulid(self._epoch_ms(), self._entropy(10))

    def new_ref(self, key: str, role: Role) -> str:
        """A fresh reference. Characters that a symbol may hold but a wire field should not become `.`."""
        return f"{_PREFIX}{self._tag}-{_NOT_PLAIN.sub('.', key)}-{self.new_id()}-{role.value}"

    def is_ours(self, ref: str) -> bool:
        """True where this account's engine (any run of it) made the reference."""
        return ref.startswith(f"{_PREFIX}{self._tag}-")
