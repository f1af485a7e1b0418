"""Reads what a sweep varies, from options and a TOML file: keys of the configuration and their values."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.config import StrategySection
from engine.config.layers import flat


class GridError(ValueError):
    """What is to be varied cannot be understood; the text says which part."""


def axes_of(options: Sequence[str], file: Path | None) -> dict[str, list[object]]:
    """Key to values, those of the file first; an option for the same key replaces them.

    Raises:
        GridError: a part cannot be understood, or an axis has no value.
    """
    axes = {} if file is None else _of_file(file)
    for option in options:
        name, sign, text = option.partition("=")
        if not sign or not name.strip():
            raise GridError(f"--set {option}: expected KEY=VALUE,VALUE…")
        axes[full_key(name.strip())] = _values(option, text)
    empty = sorted(name for name, values in axes.items() if not values)
    if empty:
        raise GridError(f"{', '.join(empty)}: no value is given")
    return axes


def full_key(name: str) -> str:
    """`strategies.x.fast` means the parameter `strategies.x.params.fast`; any other key is taken as it is."""
    parts = name.split(".")
    if len(parts) == 3 and parts[0] == "strategies" and parts[2] not in StrategySection.model_fields:
        return ".".join((*parts[:2], "params", parts[2]))
    return name


def _values(option: str, text: str) -> list[object]:
    """As TOML has them (5, 0.5, true, "1D"); words need no quotes."""
    try:
        return list(tomllib.loads(f"values = [{text}]")["values"])
    except tomllib.TOMLDecodeError:
        words = [word.strip() for word in text.split(",")]
        if not all(words) or any(sign in text for sign in "[]{}\"'"):
            raise GridError(f"--set {option}: expected values with commas between them") from None
        return list(words)


def _of_file(path: Path) -> dict[str, list[object]]:
    try:
        tree: Mapping[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise GridError(f"{path} cannot be read as TOML: {err}") from err
    axes: dict[str, list[object]] = {}
    for parts, value in flat(tree):
        name = ".".join(parts)
        axes[full_key(name)] = list(value) if isinstance(value, list) else [value]
    return axes
