"""`cockpit set` and `cockpit strategy` over a real socket: what loosens is asked for, or needs --yes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.api import Command, CommandKind, Outcome, OutcomeStatus, RuntimeValue, StrategyView
from engine.domain.reasons import Reason
from engine.runtime.process.lock import Holder
from engine.runtime.process.registry import Running
from engine.runtime.shell import adjust
from tests.cockpit.scripted import NORMAL
from tests.runtime.engines import engine
from tests.runtime.small_core import SmallCore

MOST = "risk.max_positions"
VALUE = RuntimeValue(MOST, 2.0, 1.0, 20.0, 1.0, True, "was 3, by operator, 2026-11-20 15:00 UTC")


def _careful(core: SmallCore) -> Callable[[Command], object]:
    """As the engine: what is not confirmed is refused."""
    plain = core.execute

    async def execute(command: Command) -> Outcome:
        if command.confirmed or command.kind is not CommandKind.SET_VALUE:
            return await plain(command)
        core.commands.append(command)
        code = Reason.CONFIRMATION.value
        return Outcome(command.command_id, OutcomeStatus.REFUSED, code, "confirm it")

    return execute


def _at(folder: Path, ask: str | None, *, yes: bool = False) -> tuple[list[str], list[Command], list[int]]:
    """Raise the most positions, then switch a strategy off and on; `ask` is what the person types."""
    said: list[str] = []
    socket = folder / "s"
    with engine(socket=socket) as it:
        it.core.execute = _careful(it.core)  # type: ignore[method-assign,assignment]  # the small core refuses nothing
        it.core.publish(runtime=(VALUE,))
        there = Running(folder, Holder(os.getpid(), "PAPER", str(socket), "r"))
        answer = None if ask is None else lambda _text: ask
        codes = [
            adjust.set_value(there, "max_positions", 5.0, reason="x", yes=yes, ask=answer, say=said.append),
            adjust.switch(there, "cross", "off", reason="", yes=yes, ask=answer, say=said.append),
        ]
        return said, it.core.commands, codes


@pytest.mark.req("REQ-CFG-002")
def test_without_a_terminal_what_loosens_is_refused_and_says_how(tmp_path: Path) -> None:
    said, commands, codes = _at(tmp_path, None)

    assert codes == [4, 0]
    assert any("repeat with --yes" in line for line in said)
    assert [(c.kind, c.target, c.value, c.seen, c.confirmed) for c in commands[:2]] == [
        (CommandKind.SET_VALUE, MOST, 5.0, 2.0, False),
        (CommandKind.SWITCH, "off", None, None, False),
    ]


@pytest.mark.parametrize(("typed", "code"), [("5", 0), ("no", 4)])
def test_at_a_terminal_the_new_value_is_typed(tmp_path: Path, typed: str, code: int) -> None:
    said, commands, codes = _at(tmp_path, typed)

    assert codes == [code, 0]
    confirmed = [c for c in commands if c.confirmed]
    assert len(confirmed) == (code == 0)
    assert ("not done" in said) == (code == 4)


def test_with_yes_it_is_confirmed_at_once(tmp_path: Path) -> None:
    _, commands, codes = _at(tmp_path, None, yes=True)

    assert codes == [0, 0]
    assert commands[0].confirmed


def test_the_list_names_who_changed_what() -> None:
    off = StrategyView("cross", "ma_crossover", ("SPY",), "5s", "off", switched_off="by \x1b[31moperator")
    shown = adjust.lines(replace(NORMAL, runtime=(VALUE,), strategies=(off,)))

    assert shown == (
        f"{MOST} = 2  (1 to 20; was 3, by operator, 2026-11-20 15:00 UTC)",
        "regime: auto  ()",
        "strategy cross: off by  [31moperator  (ma_crossover, off)",
    )
