"""What counts as a secret: by its name, by its look, by the type that holds it. Pure."""

from __future__ import annotations

import hmac
import re
from itertools import groupby, pairwise
from typing import Final, NamedTuple, NoReturn

HIDDEN: Final = "***"
"""What stands in a text where a secret was."""

_WORDS: Final = frozenset(
    "password passwd pwd passphrase secret token apikey credential credentials bearer".split()  # noqa: SIM905 - read as one line
)
_PAIRS: Final = frozenset({("api", "key"), ("access", "key"), ("private", "key"), ("auth", "key")})
_PLACES: Final = frozenset({"dir", "file", "path", "tape", "id"})
"""Last words of keys whose values may look random and are none: folders, names of runs."""

ADDRESS_SCHEMES: Final = (
    "apprises?|discord|gchat|gotifys?|jsons?|mailtos?|matrixs?|mmosts?|mqtts?|msteams|ntfys?|pagerduty|pbul|"
    "pover|prowl|pushed|rockets?|ses|signals?|slack|sns|spontit|tgram|twilio|webex|whatsapp|xmls?|zulip"
)
"""Schemes of addresses to which messages are sent: whoever knows one can send there, or log in."""


class Look(NamedTuple):
    """A text that is a secret wherever it stands."""

    hints: tuple[str, ...]
    """One of these, in small letters, is in every such text: most texts need no closer look."""
    pattern: re.Pattern[str]
    """`kept` is the group that may stay: the name before the secret."""


LOOKS: Final = (
    Look(("-----begin",), re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=\s\\]*")),
    Look(("akia", "asia"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    Look(
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"\bg(?:h[a-z]|ithub_pat)_\w{20,}"),
    ),
    Look(("xox",), re.compile(r"\bxox[a-z]-[0-9A-Za-z-]{10,}")),
    Look(("sk-", "sk_"), re.compile(r"\bsk[-_][A-Za-z0-9_-]{20,}")),
    Look(("eyj",), re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]+)?")),
    Look(("bearer",), re.compile(r"(?P<kept>\b[Bb](?:earer|EARER)\s+)[A-Za-z0-9._~+/=-]{8,}")),
    Look(("://",), re.compile(r"(?P<kept>://)[^\s/@:]+:[^\s/@]+(?=@)")),
    Look(("://",), re.compile(rf"\b(?P<kept>{ADDRESS_SCHEMES})://[^\s\"'<>]+")),
    Look((":",), re.compile(r":(?<=[0-9]{6}:)[\w-]{30,}")),
    Look(
        ("passw", "passphrase", "secret", "token", "key", "credential"),
        re.compile(
            r"(?i)(?P<kept>(?:password|passwd|passphrase|secret|token|api[_-]?key|credentials?)"
            r"\\?[\"']?\s*[=:]\s*(\\?[\"'])?)(?!\*\*\*)((?(2)(?:(?!\2).){4,}|[^\s\"',;&]{4,}))"
        ),
    ),
)

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PIECES: Final = re.compile(r"[A-Za-z0-9+/_=-]+")
_LEAST: Final = 16
"""Letters from which randomness can be told from a name."""


class Secret:
    """A text that shows itself to nobody: not in a message, a log, a traceback, a pickle."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself, for the one place that must have it."""
        return self._value

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]  # a hash would tell two secrets apart, and lands in dumps

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written down")


def names_secret(key: str) -> bool:
    """True where the last part of a dotted key is the name of a secret, by whole words."""
    words = [word for word in re.split(r"[^a-z0-9]+", key.rpartition(".")[2].lower()) if word]
    return not _WORDS.isdisjoint(words) or any(pair in _PAIRS for pair in pairwise(words))


def looks_secret(value: str, *, key: str = "") -> bool:
    """True where a configured text is a known kind of secret, or as random as one.

    `key` says what it is for: folders and ids may look random.
    """
    if any(look.pattern.search(value) for look in LOOKS):
        return True
    if _UUID.fullmatch(value) or re.split(r"[._]", key.lower())[-1] in _PLACES:
        return False
    return any(_is_random(piece) for piece in _PIECES.findall(value))


def _is_random(piece: str) -> bool:
    """Names change between small letters, capitals and digits seldom; random texts do all the time."""
    letters = re.sub(r"[^A-Za-z0-9]", "", piece)
    if len(letters) < (_LEAST if any(char.isdigit() for char in letters) else 2 * _LEAST):
        return False
    kinds = ["d" if char.isdigit() else "u" if char.isupper() else "l" for char in letters]
    longest_run = 3.0 if len(set(kinds)) == len("dul") else 4.6
    return len(letters) <= longest_run * sum(1 for _ in groupby(kinds))
