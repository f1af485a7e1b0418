"""What `cockpit strategies` lists: the registered strategies with a line about each."""

from __future__ import annotations


def lines() -> tuple[str, ...]:
    """One line per registered strategy, in order of their names."""
    from engine.strategy import STRATEGIES

    names = STRATEGIES.names()
    width = max((len(name) for name in names), default=0)
    return tuple(f"{name:{width}}  {STRATEGIES.summary(name)}" for name in names)
