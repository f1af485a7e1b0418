"""Puts the one sender of orders together, with its settings from the configuration."""

from __future__ import annotations

from engine.broker.port import Broker
from engine.domain.order import Tif
from engine.execution.executor import ExecutionSettings, Executor
from engine.execution.refs import RefMaker
from engine.runtime.desk import Desk
from engine.runtime.limits import order_rules


def executor_of(desk: Desk, broker: Broker, refs: RefMaker) -> Executor:
    """The one sender of orders."""
    execution = desk.config.execution
    return Executor(
        broker=broker,
        books=desk.books,
        refs=refs,
        now=desk.clock.now,
        may_enter=desk.may_enter,
        last_look=desk.last_look,
        rehearse=desk.look_again,
        preview=desk.preview,
        settings=ExecutionSettings(
            entry_tif=Tif(execution.tif.value),
            stop_tif=Tif(execution.stop_tif.value),
            order_rules=order_rules(desk.config),
            default_stop_pct=desk.config.position.default_stop_pct,
            # The stop beside it must stand before the time is up that a position may be naked.
            exit_alone_s=execution.naked_limit_s / 2,
        ),
    )
