"""The strategies there are and those a configuration names: listed, checked and made in one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.config import Loaded, StrategySection
    from engine.strategy import Strategy


def lines() -> tuple[str, ...]:
    """One line per registered strategy, in order of their names."""
    from engine.strategy import STRATEGIES

    names = STRATEGIES.names()
    width = max((len(name) for name in names), default=0)
    return tuple(f"{name:{width}}  {STRATEGIES.summary(name)}" for name in names)


def create(loaded: Loaded, name: str, section: StrategySection, keys: Sequence[str]) -> Strategy:
    """The configured strategy for these instruments. Raises ConfigError naming the place of what is wrong."""
    from engine.strategy import STRATEGIES, ParamError, UnknownNameError

    try:
        kind = STRATEGIES.get(section.kind)
        if kind.only_timeframe and section.timeframe.value != kind.only_timeframe:
            expected = f'expected "{kind.only_timeframe}": {section.kind} decides on nothing else'
            raise loaded.error(f"strategies.{name}.timeframe", expected)
        return kind.create(name, params=dict(section.params), keys=keys)
    except UnknownNameError as err:
        raise loaded.error(f"strategies.{name}.kind", str(err)) from err
    except ParamError as err:
        raise loaded.error(f"strategies.{name}.params.{err.param}", str(err)) from err


def check(loaded: Loaded) -> None:
    """Make every enabled strategy once, so that a wrong one is told before anything starts (ConfigError)."""
    for name, section in loaded.config.strategies.items():
        if section.enabled:
            create(loaded, name, section, ())
