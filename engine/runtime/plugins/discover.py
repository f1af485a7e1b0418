"""Finds a user's own strategies: entry points of the group `cockpit.strategies`, each loaded by itself.

One that cannot be loaded, is no strategy, or claims a name that is taken is named and left out, whole; it
costs the others nothing.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "cockpit.strategies"
BUILT_IN: Final = "built in"

_LONGEST: Final = 200
"""Characters of somebody else's error that are repeated."""


class Broken(NamedTuple):
    """A plug-in that is left out."""

    name: str
    origin: str
    text: str
    """For people: what is wrong with it."""

    def __str__(self) -> str:
        return f"{self.name} (from {self.origin}) is not usable: {self.text}"


class Plugins(NamedTuple):
    """What was found."""

    origins: Mapping[str, str]
    """Kind -> package and version it came from; built-in kinds are not in it."""
    broken: tuple[Broken, ...]


class PluginError(Exception):
    """Loaded, and still no strategy of its own; the text says why."""


@cache
def plugins() -> Plugins:
    """Load every plug-in that is installed, once per process."""
    from importlib.metadata import entry_points

    return load(entry_points(group=GROUP))


def load(points: Iterable[EntryPoint]) -> Plugins:
    """Register what these entry points name; the order in which they are installed decides nothing."""
    ordered = sorted(points, key=lambda point: (point.name, _origin(point)))
    claims = Counter(point.name for point in ordered)
    origins: dict[str, str] = {}
    broken: list[Broken] = []
    for point in ordered:
        name, origin = _printable(point.name), _origin(point)
        try:
            _register(point, claims=claims[point.name])
        except PluginError as err:
            broken.append(Broken(name, origin, str(err)))
        except (Exception, SystemExit) as err:  # noqa: BLE001 - it is a stranger's code: whatever it raises
            broken.append(Broken(name, origin, _printable(f"{type(err).__name__}: {err}")[:_LONGEST]))
        else:
            origins[name] = origin
    return Plugins(origins, tuple(broken))


def _register(point: EntryPoint, *, claims: int) -> None:
    """Make the class that the entry point names the strategy of the entry point's name, and nothing else."""
    from engine.strategy import STRATEGIES, Strategy

    before = STRATEGIES.taken()
    if claims > 1:
        raise PluginError(f"{claims} plug-ins claim this name; none of them gets it")
    if point.name in before:
        raise PluginError(f"the name belongs to {before[point.name].__qualname__}; choose another")
    if not point.name.isidentifier():
        raise PluginError("a kind is named like a variable: letters, digits and _")
    try:
        found = point.load()
        cls = STRATEGIES.taken().get(point.name) if isinstance(found, ModuleType) else found
    finally:
        # Its decorators count for nothing beyond this: a module half loaded leaves no names behind.
        STRATEGIES.put_back(before)
    if not (isinstance(cls, type) and issubclass(cls, Strategy)):
        raise PluginError(f"{_printable(point.value)} is no class derived from engine.strategy.Strategy")
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise PluginError(f"{cls.__qualname__} does not say {missing}")
    STRATEGIES.register(point.name)(cls)


def _origin(point: EntryPoint) -> str:
    dist = point.dist
    return "an unnamed package" if dist is None else _printable(f"{dist.name} {dist.version}")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
