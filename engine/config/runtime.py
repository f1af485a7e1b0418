"""The few numbers an operator may change while it runs, with their bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from engine.config.model import Config
from engine.config.regime import RegimeChoice


class Bounds(NamedTuple):
    """What an operator may choose, and how far one key press goes. `step` 1 means whole numbers.

    A higher value always lets more risk in.
    """

    low: float
    high: float
    step: float


RUNTIME_KEYS: Mapping[str, Bounds] = {
    "risk.risk_per_trade_pct": Bounds(0.05, 2.0, 0.05),
    "risk.max_positions": Bounds(1, 20, 1),
    "risk.max_position_size_pct": Bounds(0.5, 25.0, 0.5),
    "risk.max_total_at_risk_pct": Bounds(0.5, 100.0, 0.5),
}

RUNTIME_WORDS: Mapping[str, type[StrEnum]] = {"regime.override": RegimeChoice}
"""Keys that take one of a few words."""


class RefusalCode(StrEnum):
    """Why a value was not changed."""

    FIXED_AT_RUNTIME = "fixed_at_runtime"
    OUT_OF_BOUNDS = "out_of_bounds"


class RuntimeRefusal(ValueError):  # noqa: N818 - a refusal is an answer to an operator, not a fault
    """A change at runtime that is not allowed; `code` is for programs, the text for people."""

    def __init__(self, code: RefusalCode, text: str) -> None:
        self.code = code
        super().__init__(text)


def is_runtime(key: str) -> bool:
    """True where the dotted key may be changed while it runs."""
    return key in RUNTIME_KEYS or key in RUNTIME_WORDS


def checked_runtime(key: str, value: float) -> int | float:
    """The value as it will be stored (whole numbers as int).

    Raises RuntimeRefusal for a key that is fixed and for a value out of its bounds.
    """
    bounds = RUNTIME_KEYS.get(key)
    if bounds is None:
        choices = ", ".join((*RUNTIME_KEYS, *RUNTIME_WORDS))
        text = f"{key} is fixed while it runs: change cockpit.toml and restart (adjustable: {choices})"
        raise RuntimeRefusal(RefusalCode.FIXED_AT_RUNTIME, text)
    is_whole = bounds.step == 1
    is_wrong_kind = not math.isfinite(value) or (is_whole and value != int(value))
    if is_wrong_kind or not bounds.low <= value <= bounds.high:
        kind = "a whole number" if is_whole else "a number"
        text = f"{key} = {value} was not set: expected {kind} from {bounds.low:g} to {bounds.high:g}"
        raise RuntimeRefusal(RefusalCode.OUT_OF_BOUNDS, text)
    return int(value) if is_whole else float(value)


def checked_word(key: str, word: str) -> StrEnum:
    """The word as its key means it. Raises RuntimeRefusal as `checked_runtime` does."""
    kind = RUNTIME_WORDS.get(key)
    if kind is None:
        raise RuntimeRefusal(RefusalCode.FIXED_AT_RUNTIME, f"{key} takes no word while it runs")
    if word not in list(kind):
        text = f"{key} = {word!r} was not set: expected one of {', '.join(kind)}"
        raise RuntimeRefusal(RefusalCode.OUT_OF_BOUNDS, text)
    return kind(word)


def with_word(config: Config, key: str, word: str) -> Config:
    """The same configuration with one word changed. Raises RuntimeRefusal."""
    checked = checked_word(key, word)
    section, _, name = key.partition(".")
    changed = getattr(config, section).model_copy(update={name: checked})
    return config.model_copy(update={section: changed})


def runtime_value(config: Config, key: str) -> float:
    """What a runtime key is now."""
    section, _, name = key.partition(".")
    return float(getattr(getattr(config, section), name))


def with_value(config: Config, key: str, value: float) -> Config:
    """The same configuration with one runtime value changed. Raises RuntimeRefusal."""
    checked = checked_runtime(key, value)
    section, _, name = key.partition(".")
    changed = getattr(config, section).model_copy(update={name: checked})
    return config.model_copy(update={section: changed})
