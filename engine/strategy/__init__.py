"""Strategies and indicators. Pure: market in, proposals out."""

# Importing the modules is what registers their classes.
from engine.strategy import indicators, learned, ma_crossover, momentum, pivot_break, rules
from engine.strategy.base import Account, Conviction, Strategy, StrategyView, Waiting
from engine.strategy.params import ParamError
from engine.strategy.registry import INDICATORS, STRATEGIES, UnknownNameError

__all__ = [
    "INDICATORS",
    "STRATEGIES",
    "Account",
    "Conviction",
    "ParamError",
    "Strategy",
    "StrategyView",
    "UnknownNameError",
    "Waiting",
    "indicators",
    "learned",
    "ma_crossover",
    "momentum",
    "pivot_break",
    "rules",
]
