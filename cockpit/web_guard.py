"""Who may look at the web view: right host, right origin, right token. Pure; every request passes it.

A page of any site in the same browser can reach this machine's own ports, and so can every other user of
the machine. So the name in the address must be ours (a name that was turned to 127.0.0.1 is not), a
websocket must come from our own page, and what may act needs a token that was told to one person.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

COOKIE: Final = "cockpit-web"
LOCAL_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")


class Verdict(Enum):
    """What becomes of a request."""

    PASS = "pass"  # noqa: S105 - no password
    SIGN_IN = "sign in"
    """It shows the token: set the cookie, and go to the page without it."""
    WRONG_HOST = "this view is not served under that name"
    WRONG_ORIGIN = "only its own page may talk to this view"
    NO_TOKEN = "open the address with its token, as `cockpit serve` printed it"  # noqa: S105 - no password


@dataclass(frozen=True, slots=True)
class Asked:
    """The part of a request that decides."""

    host: str
    """The Host header."""
    origin: str | None
    """The Origin header; browsers send it with every websocket."""
    is_socket: bool
    shown_token: str
    """The token in the address, empty where there is none."""
    cookie: str


class Guard:
    """Knows under which names the view is served, and the token, if it has one."""

    def __init__(self, *, host: str, port: int, token: str = "") -> None:
        self._token = token
        names = {host, *(LOCAL_NAMES if is_local(host) else ())}
        self._hosts = {f"{name}:{port}" for name in names}

    @property
    def cookie(self) -> str:
        """What the browser keeps instead of the token."""
        return hashlib.sha256(f"{COOKIE}:{self._token}".encode()).hexdigest()

    def judge(self, asked: Asked) -> Verdict:
        """What becomes of a request."""
        if asked.host not in self._hosts:
            return Verdict.WRONG_HOST
        if asked.is_socket and not self._is_own(asked.origin):
            return Verdict.WRONG_ORIGIN
        if not self._token or hmac.compare_digest(asked.cookie.encode(), self.cookie.encode()):
            return Verdict.PASS
        if asked.shown_token and hmac.compare_digest(asked.shown_token.encode(), self._token.encode()):
            return Verdict.SIGN_IN if not asked.is_socket else Verdict.NO_TOKEN
        return Verdict.NO_TOKEN

    def _is_own(self, origin: str | None) -> bool:
        if origin is None:
            return False
        parts = urlsplit(origin)
        return parts.scheme in {"http", "https"} and parts.netloc in self._hosts


def is_local(host: str) -> bool:
    """True for an address that only this machine reaches."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
