"""Takes secrets out of texts on their way to a file, a screen or another machine; masks account ids."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import partial
from threading import Lock
from typing import Final
from urllib.parse import quote, unquote

from engine.config.model import is_secret
from engine.config.secrecy import ADDRESS_SCHEMES, HIDDEN, LOOKS

SECRET_VARIABLES: Final = "COCKPIT_ALERT_"  # noqa: S105 - the beginning of a name
"""Variables of the environment with this beginning hold secrets."""

_LEAST: Final = 6
"""Shorter texts are not looked for: they stand in too many words. As secrets they are worthless anyway."""

_ACCOUNT: Final = re.compile(r"D?[UFI][0-9]{5,10}(?![0-9])")

_BY_HINT: Final = tuple((hint, look.pattern) for look in LOOKS for hint in look.hints)
"""Flat, because every event passes it: looking for a hint costs less than a loop within a loop."""


class Redactor:
    """Knows the secrets of this process by value, and the looks of others. Any thread may use it."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = Lock()
        self._values: tuple[str, ...] = ()
        for secret in secrets:
            self.learn(secret)

    @classmethod
    def of_environment(cls, environ: Mapping[str, str]) -> Redactor:
        """One that knows every secret that the environment holds."""
        return cls(environ[name] for name in secret_variables(environ))

    def learn(self, secret: str) -> None:
        """Look for this text from now on: as it is, in its parts, and as other notations write it."""
        parts = {part for part in re.split(r"[\s/:@?&=]+", secret) if len(part) >= 2 * _LEAST}
        lines = {line.strip() for line in secret.splitlines()}
        plain = {text for text in {secret, secret.strip(), *parts, *lines} if len(text) >= _LEAST}
        plain -= {scheme for scheme in plain if re.fullmatch(ADDRESS_SCHEMES, scheme)}
        # Twice: a message may hold what Python wrote, in a line that JSON wrote.
        found = {form for text in plain for once in _forms(text) for form in _forms(once)}
        with self._lock:
            # The longest first: a part must not be taken out of the whole before the whole is found.
            self._values = tuple(sorted({*self._values, *found}, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        for value in self._values:
            if value in text:
                text = text.replace(value, HIDDEN)
        small = text.lower()
        for hint, pattern in _BY_HINT:
            if hint in small:
                text = pattern.sub(_hidden, text)
        return text

    def for_log(self, text: str) -> str:
        """The text without secrets, accounts masked: what leaves the database."""
        return _ACCOUNT.sub(_masked, self(text))


def mask_account(account: str) -> str:
    """`DU***4567`: enough to tell one's accounts apart, not enough to name one."""
    letters = re.match(r"[A-Za-z]*", account)
    head = letters.group() if letters else ""
    digits = account[len(head) :]
    return f"{head}{HIDDEN}{digits[-4:] if len(digits) > 4 else ''}" if account else ""


def secret_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the variables that hold secrets: our own, and those that say so in their name."""
    return tuple(name for name in environ if name.startswith(SECRET_VARIABLES) or is_secret(name))


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a child process that needs none of our secrets."""
    return {name: value for name, value in environ.items() if not name.startswith(SECRET_VARIABLES)}


def _hidden(found: re.Match[str]) -> str:
    return f"{found.groupdict().get('kept') or ''}{HIDDEN}"


def _masked(found: re.Match[str]) -> str:
    before = found.string[max(0, found.start() - 1) : found.start()]
    return found.group() if before.isalnum() else mask_account(found.group())


def _forms(text: str) -> Iterable[str]:
    """How JSON, Python and addresses write the same text."""
    notations = (json.dumps, partial(json.dumps, ensure_ascii=False), repr)
    return {text, quote(text, safe=""), quote(text), unquote(text), *(n(text)[1:-1] for n in notations)}
