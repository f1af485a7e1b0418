"""`cockpit kill` on an engine that answered once: who works is waited for, who hangs is not."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import cast

import pytest

from engine.api import Command, CommandKind, Outcome, OutcomeStatus
from engine.runtime.process import remote_kill
from engine.runtime.process.link import SocketHandle
from engine.runtime.process.remote import new_command
from engine.runtime.process.remote_kill import HungError, _ask_engine


@dataclass
class _Line:
    """A connection whose engine answers signs of life so often, and the command after them."""

    signs: int
    ends: bool = True
    is_alive: bool = True
    asked: list[str] = field(default_factory=list)
    future: Future[Outcome] = field(default_factory=Future)

    def submit(self, command: Command) -> Future[Outcome]:
        self.asked.append(command.kind.value)
        return self.future

    def answers(self, _within_s: float) -> bool:
        self.signs -= 1
        if self.signs == 0 and self.ends:
            self.future.set_result(Outcome("c", OutcomeStatus.DONE, "", "PROVEN FLAT"))
        return self.signs >= 0


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_kill, "ANSWER_S", 0.01)
    monkeypatch.setattr(remote_kill, "WORK_S", 1.0)


def _ask(line: _Line) -> Outcome:
    return _ask_engine(cast(SocketHandle, line), new_command(CommandKind.KILL, confirmed=True))


@pytest.mark.req("REQ-K1", "CARD-KILL")
def test_an_engine_that_falls_silent_while_it_kills_hangs_and_is_not_waited_for() -> None:
    with pytest.raises(HungError):
        _ask(_Line(signs=2, ends=False))


def test_an_engine_that_works_is_waited_for_and_asked_only_once() -> None:
    line = _Line(signs=3)

    assert _ask(line).text == "PROVEN FLAT"
    assert line.asked == ["kill"]


def test_an_engine_whose_line_breaks_meanwhile_counts_as_hung() -> None:
    line = _Line(signs=0, is_alive=False)
    line.future.set_result(Outcome("c", OutcomeStatus.FAILED, "link_down", "the line broke"))

    with pytest.raises(HungError):
        _ask(line)
