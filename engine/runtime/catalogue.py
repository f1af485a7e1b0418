"""The strategies there are and those a configuration names: listed, checked and made in one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.runtime.plugins.discover import BUILT_IN, plugins

if TYPE_CHECKING:
    from engine.config import Loaded, StrategySection
    from engine.strategy import Strategy


def lines() -> tuple[str, ...]:
    """One line per strategy with where it comes from, in order of their names; then what is not usable."""
    from engine.strategy import STRATEGIES

    found = plugins()
    names = STRATEGIES.names()
    width = max((len(name) for name in names), default=0)
    origins = {name: found.origins.get(name, BUILT_IN) for name in names}
    wide = max((len(origin) for origin in origins.values()), default=0)
    listed = [f"{name:{width}}  {origins[name]:{wide}}  {_summary(name)}" for name in names]
    return (*listed, *(str(broken) for broken in found.broken))


def _summary(name: str) -> str:
    from engine.strategy import STRATEGIES

    return "".join(c for c in STRATEGIES.summary(name) if c.isprintable())


def troubles() -> tuple[str, ...]:
    """What is installed as a strategy and cannot be used, a sentence each."""
    return tuple(str(broken) for broken in plugins().broken)


def create(loaded: Loaded, name: str, section: StrategySection, keys: Sequence[str]) -> Strategy:
    """The configured strategy for these instruments. Raises ConfigError naming the place of what is wrong."""
    from engine.strategy import ParamError

    kind = _kind(loaded, name, section)
    try:
        return kind.create(name, params=dict(section.params), keys=keys)
    except ParamError as err:
        raise loaded.error(f"strategies.{name}.params.{err.param}", str(err)) from err
    except Exception as err:
        origin = plugins().origins.get(section.kind)
        if origin is None:
            raise
        text = f"{section.kind} (from {origin}) cannot be made: {type(err).__name__}: {err}"
        raise loaded.error(f"strategies.{name}.kind", text) from err


def _kind(loaded: Loaded, name: str, section: StrategySection) -> type[Strategy]:
    """Its class, which must understand the timeframe. Raises ConfigError."""
    from engine.strategy import STRATEGIES, UnknownNameError

    if section.kind not in STRATEGIES.names():
        plugins()  # looked for where one is asked for: a start that needs none does not pay for it
    try:
        kind = STRATEGIES.get(section.kind)
    except UnknownNameError as err:
        broken = {b.name: str(b) for b in plugins().broken}
        raise loaded.error(f"strategies.{name}.kind", broken.get(section.kind, str(err))) from err
    if kind.only_timeframe and section.timeframe.value != kind.only_timeframe:
        expected = f'expected "{kind.only_timeframe}": {section.kind} decides on nothing else'
        raise loaded.error(f"strategies.{name}.timeframe", expected)
    if kind.only_profile and section.profile.value != kind.only_profile:
        expected = f'expected "{kind.only_profile}": {section.kind} runs under no other'
        raise loaded.error(f"strategies.{name}.profile", expected)
    if section.from_scanner and not kind.wants_setups:
        expected = f"expected 0: {section.kind} trades no levels, a scanner's list says nothing to it"
        raise loaded.error(f"strategies.{name}.from_scanner", expected)
    return kind


def check(loaded: Loaded) -> None:
    """Make every enabled strategy once, so that a wrong one is told before anything starts (ConfigError)."""
    for name, section in loaded.config.strategies.items():
        if section.enabled:
            create(loaded, name, section, ())
