"""Behind `cockpit move-stop`, `partial`, `flatten`, `cancel` and `note`: the same commands as the keys."""

from __future__ import annotations

from dataclasses import replace

from engine.api import Command, CommandKind
from engine.runtime.process.registry import Running
from engine.runtime.process.remote import Ask, Say, connect, new_command
from engine.runtime.shell.adjust import give_asking


def move_stop(engine: Running, symbol: str, price: float, *, yes: bool, ask: Ask | None, say: Say) -> int:
    """Move the stop of a position; one further away is asked for again."""
    command = new_command(CommandKind.MOVE_STOP, target=symbol, reason="shell", confirmed=yes)
    handle = connect(engine)
    try:
        seen = next((p.stop_price for p in handle.snapshot().positions if p.symbol == symbol), None)
        command = replace(command, value=price, seen=seen)
        return give_asking(handle, command, engine=engine, word=f"{price:g}", ask=ask, say=say)
    finally:
        handle.close()


def partial_command(symbol: str, share_pct: float) -> Command:
    """Close `share_pct` percent of a position."""
    return replace(new_command(CommandKind.PARTIAL, target=symbol, reason="shell"), value=share_pct)
