"""The resolved configuration as text: key, value, unit, and where the value came from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time

from engine.config.errors import Layer, shown
from engine.config.keys import find, leaves
from engine.config.load import Loaded
from engine.config.model import MASK, is_secret


def render(loaded: Loaded) -> str:
    """One line per key, secrets masked, columns aligned; then what follows from the keys."""
    rows = [
        (key, value_text(key, value), known.unit if (known := find(path)) else "", _origin(loaded, key))
        for path, value in leaves(loaded.config)
        for key in (".".join(path),)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join((*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[3])) for row in rows]
    facts = (
        f"file         {loaded.path or 'none: built-in defaults'}",
        f"gateway      {loaded.gateway}",
        f"state        {loaded.state_dir}",
        f"fingerprint  {loaded.config.fingerprint}",
    )
    off = (f"switched off {name} {changed}" for name, changed in loaded.switched_off.items())
    return "\n".join((*lines, "", *facts, *off))


def _origin(loaded: Loaded, key: str) -> str:
    """Where a value came from; of one that was changed while it ran also what it was, and who did it."""
    changed = loaded.changed.get(key) if loaded.origins[key].layer is Layer.RUNTIME else None
    return str(loaded.origins[key]) if changed is None else f"{loaded.origins[key]} ({changed})"


def value_text(key: str, value: object) -> str:
    """One value as it would be written in the file, on one line."""
    if is_secret(key):
        return MASK
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, time):
        return f'"{value:%H:%M}"' if not value.second else f'"{value:%H:%M:%S}"'
    if isinstance(value, int | float):
        return str(int(value)) if isinstance(value, int) else repr(value)
    if isinstance(value, tuple):
        return f"[{', '.join(value_text(key, item) for item in value)}]"
    if isinstance(value, str):
        return '"' + shown(key, str(value))[1:-1].replace('"', '\\"') + '"'
    if isinstance(value, Mapping) and value:
        return f"{{ {', '.join(f'{name} = {value_text(key, item)}' for name, item in value.items())} }}"
    return "{}"
