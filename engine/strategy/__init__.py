"""Strategies and indicators. Pure: market in, proposals out."""

# Importing the modules is what registers their classes.
from engine.strategy import indicators, ma_crossover, momentum, pivot_break, rules
from engine.strategy.base import Strategy, StrategyView, Waiting
from engine.strategy.params import ParamError
from engine.strategy.registry import INDICATORS, STRATEGIES, UnknownNameError

__all__ = [
    "INDICATORS",
    "STRATEGIES",
    "ParamError",
    "Strategy",
    "StrategyView",
    "UnknownNameError",
    "Waiting",
    "indicators",
    "ma_crossover",
    "momentum",
    "pivot_break",
    "rules",
]
