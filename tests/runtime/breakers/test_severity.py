"""How bad an error is: every exception of ours and every code the adapter names has its line in the table."""

from __future__ import annotations

import importlib.util
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine
from engine.api import Level
from engine.broker import codes
from engine.broker.port import AccountError, BrokerError, ConnectError, Notice
from engine.risk.refusal import OrderRefusedError
from engine.runtime.breakers.broker_codes import OF_CODE, level_of_code
from engine.runtime.breakers.errors import LineGivenUpError
from engine.runtime.breakers.severity import OF_EXCEPTION, UNMAPPED, severity_of
from engine.store.errors import DuplicateIntentError, StoreCorruptError, StoreUnwritableError
from tests.execution.rig import rig
from tests.virtual_time import virtual

pytestmark = pytest.mark.req("REQ-ERR-001")


class _NobodyKnowsError(Exception):
    pass


class _NarrowError(ZeroDivisionError):
    pass


ELSEWHERE = ("engine.gateway", "engine.backtest", "engine.runtime.process.remote")
"""Other programs: the gateway, the backtester, and the shell that asks a running engine."""


NEEDS_AN_EXTRA = {"engine.runtime.health.metrics": "prometheus_client"}
"""Modules that a plain installation cannot import, by what they need."""


def _exceptions() -> Iterator[type[Exception]]:
    """Every exception that can be raised in an engine's own process."""
    for module in pkgutil.walk_packages(engine.__path__, "engine."):
        if module.name.startswith(ELSEWHERE) or module.name.endswith("__main__"):
            continue
        if module.name in NEEDS_AN_EXTRA and importlib.util.find_spec(NEEDS_AN_EXTRA[module.name]) is None:
            continue
        found = importlib.import_module(module.name)
        for _, kind in inspect.getmembers(found, inspect.isclass):
            if issubclass(kind, Exception) and kind.__module__ == module.name:
                yield kind


@pytest.mark.parametrize(
    "kind", sorted(set(_exceptions()), key=lambda k: k.__name__), ids=lambda k: k.__name__
)
def test_every_exception_of_the_engine_is_in_the_table_or_below_one_that_is(kind: type[Exception]) -> None:
    assert any(base in OF_EXCEPTION for base in kind.__mro__), f"{kind.__qualname__} has no severity"


@pytest.mark.parametrize(
    ("err", "level", "is_counted"),
    [
        (ZeroDivisionError("x"), Level.ERROR, True),
        (_NarrowError("x"), Level.ERROR, True),
        (KeyError("x"), Level.ERROR, True),
        (DuplicateIntentError("x"), Level.ERROR, True),
        (MemoryError(), Level.CRITICAL, True),
        (AccountError("x"), Level.CRITICAL, True),
        (LineGivenUpError("x"), Level.CRITICAL, True),
        (StoreCorruptError("x"), Level.CRITICAL, True),
        # A lost line is an ERROR while it is tried again; disk and line have blocks of their own.
        (ConnectError("x"), Level.ERROR, False),
        (BrokerError("x"), Level.ERROR, False),
        (StoreUnwritableError("x"), Level.ERROR, False),
        (OSError("x"), Level.ERROR, False),
        (TimeoutError("x"), Level.ERROR, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_the_nearest_base_in_the_table_decides(err: Exception, level: Level, is_counted: bool) -> None:
    assert severity_of(err) == (level, is_counted, True)


def test_a_refusal_is_no_error() -> None:
    assert OF_EXCEPTION[OrderRefusedError].level is Level.INFO


def test_what_is_not_listed_is_an_error_and_says_so() -> None:
    assert severity_of(_NobodyKnowsError("x")) == UNMAPPED == (Level.ERROR, True, False)


def test_every_code_the_adapter_names_is_in_the_table() -> None:
    named = {v for k, v in vars(codes).items() if isinstance(v, int) and k.isupper()}
    assert named | codes.CONNECT_CODES | {100, 165, 399, 404, 434, 492, 10167, 10349} <= OF_CODE.keys()
    assert {1100, 1101, 1102, 2104, 2106, 2158} <= OF_CODE.keys()


@pytest.mark.parametrize(
    ("code", "level"),
    [(2104, Level.INFO), (1102, Level.INFO), (2103, Level.WARNING), (201, Level.ERROR), (1100, Level.ERROR)],
)
def test_a_code_has_its_level(code: int, level: Level) -> None:
    assert level_of_code(code) == (level, True)


def test_no_message_of_the_broker_is_critical_by_itself() -> None:
    assert Level.CRITICAL not in OF_CODE.values()


@virtual
async def test_a_code_nobody_knows_is_told_as_an_error_and_as_unknown(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        here.inbox.on_broker_event(Notice(98765, "surprise", ""))
        here.inbox.on_broker_event(Notice(2103, "farm lost", ""))

        known = [e for e in here.desk.notices.events if e.text.startswith("broker ")]
        assert [(e.level, "do not know" in e.text) for e in known] == [
            (Level.ERROR, True),
            (Level.WARNING, False),
        ]
