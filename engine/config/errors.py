"""What is wrong with a configuration, said so that its owner can mend it in one go."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from engine.config.model import MASK, is_secret
from engine.config.redaction import Redactor
from engine.config.secrecy import looks_secret


class Layer(StrEnum):
    """Where a value came from, weakest first."""

    DEFAULT = "default"
    FILE = "file"
    DOTENV = ".env"
    ENVIRONMENT = "environment"
    RUNTIME = "runtime override"
    COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class Origin:
    """One place: a line of a file, a variable of the environment, an option, or the built-in default."""

    layer: Layer
    source: str = ""
    """Path of the file, or name of the variable."""
    line: int | None = None
    """Line in the file, from 1; None where there is none."""
    name: str = ""
    """Variable inside a .env file."""

    def __str__(self) -> str:
        if self.layer is Layer.ENVIRONMENT:
            return f"environment {self.source}"
        if self.layer is Layer.COMMAND_LINE or not self.source:
            return self.layer.value
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        prefix = "runtime override " if self.layer is Layer.RUNTIME else ""
        return " ".join(part for part in (f"{prefix}{place}", self.name) if part)


DEFAULT = Origin(Layer.DEFAULT)


class Problem(NamedTuple):
    """One thing to mend."""

    origin: Origin
    key: str
    """Dotted key; empty where the place as a whole is wrong."""
    text: str
    """What is wrong and what is expected."""

    def __str__(self) -> str:
        where = str(self.origin)
        return f"{where}: {self.key} {self.text}" if self.key else f"{where}: {self.text}"


class ConfigError(Exception):
    """The configuration cannot be used. Nothing was started; its text lists every problem, one a line."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = tuple(sorted(problems, key=_place))
        count = f"{len(problems)} errors" if len(problems) != 1 else "1 error"
        hide = Redactor()
        lines = "".join(f"\n  {_printable(hide(str(problem)))}" for problem in self.problems)
        super().__init__(f"The configuration has {count}; nothing was started.{lines}")


def _place(problem: Problem) -> tuple[int, str, int]:
    """Order for people: file by file, each from the top."""
    origin = problem.origin
    return list(Layer).index(origin.layer), origin.source, origin.line or 0


def shown(key: str, value: object) -> str:
    """A given value as a message shows it: one line, no control characters, no secret, not endless."""
    text = repr(value)
    if is_secret(key) or looks_secret(text, key=key):
        return MASK
    text = _printable(text)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
