"""Configuration: every key, where its value came from, and what is wrong with a bad one."""

from engine.config.errors import ConfigError, Layer, Origin, Problem
from engine.config.load import Loaded, load
from engine.config.model import Config
from engine.config.overrides import Changed, save_override, save_switch
from engine.config.render import render
from engine.config.runtime import (
    RUNTIME_KEYS,
    RUNTIME_WORDS,
    Bounds,
    RefusalCode,
    RuntimeRefusal,
    checked_runtime,
    checked_word,
    is_runtime,
    runtime_value,
    with_value,
    with_word,
)
from engine.config.search import find_file
from engine.config.strategies import StrategySection
from engine.config.values import (
    Gateway,
    HeadlessPolicy,
    LogFormat,
    LogLevel,
    OnExhausted,
    OnSignal,
    OnTerminalLoss,
    OrphanPolicy,
    Profile,
    Theme,
    Timeframe,
)

__all__ = [
    "RUNTIME_KEYS",
    "RUNTIME_WORDS",
    "Bounds",
    "Changed",
    "Config",
    "ConfigError",
    "Gateway",
    "HeadlessPolicy",
    "Layer",
    "Loaded",
    "LogFormat",
    "LogLevel",
    "OnExhausted",
    "OnSignal",
    "OnTerminalLoss",
    "Origin",
    "OrphanPolicy",
    "Problem",
    "Profile",
    "RefusalCode",
    "RuntimeRefusal",
    "StrategySection",
    "Theme",
    "Timeframe",
    "checked_runtime",
    "checked_word",
    "find_file",
    "is_runtime",
    "load",
    "render",
    "runtime_value",
    "save_override",
    "save_switch",
    "with_value",
    "with_word",
]
