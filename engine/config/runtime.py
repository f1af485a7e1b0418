"""The few numbers an operator may change while it runs, and the file that remembers them."""

from __future__ import annotations

import math
import os
import tempfile
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import tomli_w

from engine.config.layers import put
from engine.config.model import Config


class Bounds(NamedTuple):
    """What an operator may choose, and how far one key press goes. `step` 1 means whole numbers."""

    low: float
    high: float
    step: float


RUNTIME_KEYS: Mapping[str, Bounds] = {
    "risk.risk_per_trade_pct": Bounds(0.05, 2.0, 0.05),
    "risk.max_positions": Bounds(1, 20, 1),
}


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
    return key in RUNTIME_KEYS


def checked_runtime(key: str, value: float) -> int | float:
    """The value as it will be stored (whole numbers as int).

    Raises RuntimeRefusal for a key that is fixed and for a value out of its bounds.
    """
    bounds = RUNTIME_KEYS.get(key)
    if bounds is None:
        choices = ", ".join(RUNTIME_KEYS)
        text = f"{key} is fixed while it runs: change cockpit.toml and restart (adjustable: {choices})"
        raise RuntimeRefusal(RefusalCode.FIXED_AT_RUNTIME, text)
    is_whole = bounds.step == 1
    is_wrong_kind = not math.isfinite(value) or (is_whole and value != int(value))
    if is_wrong_kind or not bounds.low <= value <= bounds.high:
        kind = "a whole number" if is_whole else "a number"
        text = f"{key} = {value} was not set: expected {kind} from {bounds.low:g} to {bounds.high:g}"
        raise RuntimeRefusal(RefusalCode.OUT_OF_BOUNDS, text)
    return int(value) if is_whole else float(value)


def with_value(config: Config, key: str, value: float) -> Config:
    """The same configuration with one runtime value changed. Raises RuntimeRefusal."""
    checked = checked_runtime(key, value)
    section, _, name = key.partition(".")
    changed = getattr(config, section).model_copy(update={name: checked})
    return config.model_copy(update={section: changed})


def save_override(path: Path, key: str, value: float) -> None:
    """Remember one runtime value over restarts, beside those already remembered.

    The file is replaced whole: after a failure (OSError) the old one is untouched. Raises RuntimeRefusal
    for a key or value that could not be set, ValueError where the existing file is not valid TOML.
    """
    checked = checked_runtime(key, value)
    tree: dict[str, object] = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    put(tree, tuple(key.split(".")), checked)
    write_atomically(path, tomli_w.dumps(tree))


def write_atomically(path: Path, text: str) -> None:
    """Replace a file (mode 0600) so that a crash leaves the old text or the new, never a part."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Without this a power cut may forget the rename itself."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
