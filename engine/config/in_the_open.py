"""Secrets that stand in a file of the configuration: named by key and line, never by value. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.config.errors import Origin, Problem
from engine.config.lines import Path, line_of
from engine.config.redaction import SECRET_VARIABLES
from engine.config.secrecy import LOOKS, looks_secret, names_secret

ADVICE = (
    "a secret must not stand in a file. Take it out, put a new one into the environment or the keyring "
    "(docs/runbook.md), and change it at its service: this one has been in the open"
)


def in_values(tree: Mapping[str, object], origins: Mapping[Path, Origin]) -> Iterator[Problem]:
    """Every value of one file that is a secret by its name or by its look."""
    for path, value in _texts(tree, ()):
        key = ".".join(map(str, path))
        if _is_secret(key, value):
            yield Problem(
                line_of(origins, path) or next(iter(origins.values())), key, f"is refused: {ADVICE}"
            )


def in_comments(text: str, place: Origin) -> Iterator[Problem]:
    """Every comment that holds a known kind of secret: switched off is not taken out."""
    for number, line in enumerate(text.splitlines(), start=1):
        _, mark, comment = line.partition("#")
        if mark and any(look.pattern.search(comment) for look in LOOKS):
            yield Problem(Origin(place.layer, place.source, number), "", f"a comment is refused: {ADVICE}")


def in_variable(name: str, text: str, origin: Origin) -> Problem | None:
    """A variable of a .env file that belongs into the real environment."""
    if name.startswith(SECRET_VARIABLES) and text:
        return Problem(origin, "", f"is refused: {ADVICE}")
    return None


def _is_secret(key: str, value: object) -> bool:
    if isinstance(value, bool) or value == "":
        return False
    return names_secret(key) or (isinstance(value, str) and looks_secret(value, key=key))


def _texts(value: object, path: Path) -> Iterator[tuple[Path, object]]:
    """Every single value; those of an array under the key of the array."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, (*path, str(name)))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, path)
    else:
        yield path, value
