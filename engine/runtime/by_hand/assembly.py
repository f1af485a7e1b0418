"""Puts together what is done by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from engine.api import Command, CommandKind, Outcome
from engine.execution.executor import Executor
from engine.runtime.by_hand.notes import note
from engine.runtime.by_hand.orders import OrdersByHand
from engine.runtime.by_hand.partials import take_partial
from engine.runtime.by_hand.stop_moves import StopMoves
from engine.runtime.desk import Desk

Acts = dict[CommandKind, Callable[[Command], Awaitable[Outcome]]]


def acts_by_hand(desk: Desk, executor: Executor) -> Acts:
    """The commands that enter, move a stop, take a part of a position, keep a note."""
    orders = OrdersByHand(desk, executor=executor)
    return {
        CommandKind.ORDER: orders.send,
        CommandKind.JUDGE_ORDER: orders.judge,
        CommandKind.MOVE_STOP: StopMoves(desk, executor=executor).move,
        CommandKind.PARTIAL: partial(take_partial, desk, executor),
        CommandKind.NOTE: partial(note, desk),
    }
