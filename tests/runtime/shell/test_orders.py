"""`cockpit order` over a real socket: what the gate says, a symbol typed again, then just what was shown."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from engine.api import Command, CommandKind, Outcome, OutcomeStatus
from engine.api_orders import OrderWish
from engine.domain.reasons import Reason
from engine.runtime.process.lock import Holder
from engine.runtime.process.registry import Running
from engine.runtime.shell import orders
from tests.cockpit.test_ordering import GATE_PASSES as PASSES
from tests.runtime.engines import engine


def _ordered(folder: Path, ask: str | None, *, yes: bool = False) -> tuple[list[str], list[Command], int]:
    """Order by risk; `ask` is what the person types, None without a terminal."""
    said: list[str] = []
    socket = folder / "s"
    with engine(socket=socket) as it:
        plain = it.core.execute

        async def execute(command: Command) -> Outcome:
            if command.kind is not CommandKind.ORDER:
                return await plain(command)
            it.core.commands.append(command)
            if command.confirmed:
                return Outcome(command.command_id, OutcomeStatus.DONE, "", "accepted by the broker (perm 12)")
            no = Outcome(command.command_id, OutcomeStatus.REFUSED, Reason.CONFIRMATION.value, "confirm it")
            return replace(no, order=PASSES, details=(PASSES.risk, "✓ quote: 99.99 / 100.01"))

        it.core.execute = execute  # type: ignore[method-assign]  # the small core refuses nothing
        there = Running(folder, Holder(os.getpid(), "PAPER", str(socket), "r"))
        answer = None if ask is None else lambda _text: ask
        wish = OrderWish("BUY", stop=98.0)
        code = orders.order(there, "spy", wish, reason="x", yes=yes, ask=answer, say=said.append)
        return said, list(it.core.commands), code


def test_without_a_terminal_it_shows_what_the_gate_says_and_sends_nothing(tmp_path: Path) -> None:
    said, commands, code = _ordered(tmp_path, None)

    assert code == 4
    assert "  ✓ quote: 99.99 / 100.01" in said
    assert "repeat with --yes" in said[-1]
    assert [(c.target, c.confirmed, c.order) for c in commands] == [
        ("spy", False, OrderWish("BUY", stop=98.0))
    ]


@pytest.mark.parametrize(("typed", "code"), [("spy", 0), ("no", 4)])
def test_at_a_terminal_the_symbol_is_typed_and_what_was_shown_is_sent(
    tmp_path: Path, typed: str, code: int
) -> None:
    said, commands, ended = _ordered(tmp_path, typed)

    assert ended == code
    confirmed = [c for c in commands if c.confirmed]
    assert ("not done" in said) == (code == 4)
    assert [(c.order, c.seen) for c in confirmed] == (
        [] if code else [(OrderWish("BUY", limit=100.03, stop=98.0, most=49), 100.03)]
    )
    assert len({c.command_id for c in commands}) == len(commands)


def test_with_yes_it_is_sent_at_once(tmp_path: Path) -> None:
    said, commands, code = _ordered(tmp_path, None, yes=True)

    assert (code, len(commands)) == (0, 1)
    assert "done: accepted by the broker (perm 12)" in said
