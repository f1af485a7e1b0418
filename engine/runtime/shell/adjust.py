"""Behind `cockpit set` and `cockpit strategy`: the same commands as the keys, with a second yes to loosen."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from engine.api import Command, CommandKind, RuntimeValue, Scope, ScopeKind, Snapshot, StrategyView
from engine.api_selection import RegimeRow
from engine.domain.reasons import Reason
from engine.runtime.process.link import SocketHandle
from engine.runtime.process.registry import Running
from engine.runtime.process.remote import (
    WORK_S,
    Ask,
    Say,
    answer_to,
    connect,
    new_command,
    printable,
    tell,
)

REFUSED: Final = 4
"""Exit code of what was not done because somebody said no."""


def show(engine: Running, *, say: Say) -> int:
    """Print everything that can be changed, and who changed it."""
    handle = connect(engine)
    try:
        snapshot = handle.snapshot()
    finally:
        handle.close()
    for line in lines(snapshot):
        say(line)
    return 0


def lines(snapshot: Snapshot) -> tuple[str, ...]:
    """A line per value, one for the regime, one per strategy."""
    values = (*map(_value_line, snapshot.runtime), _regime_line(snapshot.selection.regime))
    return tuple(map(printable, (*values, *map(_strategy_line, snapshot.strategies))))


def set_value(
    engine: Running, key: str, value: float | None, *, reason: str, yes: bool, ask: Ask | None, say: Say
) -> int:
    """Change one value; `key` may be its last part."""
    handle = connect(engine)
    try:
        known = handle.snapshot().runtime
        item = next((v for v in known if key in (v.key, v.key.rpartition(".")[2])), None)
        target = key if item is None else item.key
        command = replace(
            new_command(CommandKind.SET_VALUE, target=target, reason=reason, confirmed=yes),
            value=value,
            seen=None if item is None else item.value,
        )
        word = "" if value is None else f"{value:g}"
        return give_asking(handle, command, engine=engine, word=word, ask=ask, say=say)
    finally:
        handle.close()


def switch(
    engine: Running, name: str, turn: str, *, reason: str, yes: bool, ask: Ask | None, say: Say
) -> int:
    """Switch one strategy `on` or `off`."""
    scope = Scope(ScopeKind.STRATEGY, name)
    command = new_command(CommandKind.SWITCH, scope=scope, target=turn, reason=reason, confirmed=yes)
    handle = connect(engine)
    try:
        return give_asking(handle, command, engine=engine, word=name, ask=ask, say=say)
    finally:
        handle.close()


def regime(engine: Running, word: str, *, reason: str, yes: bool, ask: Ask | None, say: Say) -> int:
    """Say the regime, or `auto`."""
    command = new_command(CommandKind.REGIME, target=word, reason=reason, confirmed=yes)
    handle = connect(engine)
    try:
        return give_asking(handle, command, engine=engine, word=word, ask=ask, say=say)
    finally:
        handle.close()


def give_asking(
    handle: SocketHandle, command: Command, *, engine: Running, word: str, ask: Ask | None, say: Say
) -> int:
    """Send it; where it lets more risk in, once more after the word was typed."""
    outcome = answer_to(handle, command, engine=engine, within_s=WORK_S)
    if outcome.code == Reason.CONFIRMATION and ask is not None:
        tell(outcome, say=say)
        if ask(f"type {word} to do it: ").strip() != word:
            say("not done")
            return REFUSED
        again = replace(command, command_id=f"{command.command_id}-again", confirmed=True)
        outcome = answer_to(handle, again, engine=engine, within_s=WORK_S)
    elif outcome.code == Reason.CONFIRMATION:
        say("To do it from here, repeat with --yes (it is asked only at a terminal).")
    return tell(outcome, say=say)


def _value_line(item: RuntimeValue) -> str:
    origin = item.changed or ("changed while it ran" if item.overridden else "configured")
    return f"{item.key} = {item.value:g}  ({item.low:g} to {item.high:g}; {origin})"


def _regime_line(row: RegimeRow) -> str:
    said = f"{row.override} by {row.who or 'the configuration'}" if row.override else "auto"
    return f"regime: {said}  ({row.text})"


def _strategy_line(strategy: StrategyView) -> str:
    off = f"off {strategy.switched_off}" if strategy.switched_off else "on"
    return f"strategy {strategy.name}: {off}  ({strategy.kind}, {strategy.state})"
