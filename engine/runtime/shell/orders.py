"""Behind `cockpit order`: what the gate says first, then, after a second yes, just what was shown."""

from __future__ import annotations

from dataclasses import replace

from engine.api import CommandKind
from engine.api_orders import OrderWish, as_shown
from engine.domain.reasons import Reason
from engine.runtime.process.registry import Running
from engine.runtime.process.remote import WORK_S, Ask, Say, answer_to, connect, new_command, tell
from engine.runtime.shell.adjust import REFUSED


def order(
    engine: Running,
    symbol: str,
    wish: OrderWish,
    *,
    reason: str,
    yes: bool,
    ask: Ask | None,
    say: Say,
) -> int:
    """Show what would be sent and every check; send it where the symbol was typed again, or with `yes`."""
    command = new_command(CommandKind.ORDER, target=symbol, reason=reason, confirmed=yes)
    command = replace(command, order=wish)
    handle = connect(engine)
    try:
        outcome = answer_to(handle, command, engine=engine, within_s=WORK_S)
        preview = outcome.order
        if outcome.code != Reason.CONFIRMATION or preview is None:
            return tell(outcome, say=say)
        tell(outcome, say=say)
        if ask is None:
            say("To do it from here, repeat with --yes (it is asked only at a terminal).")
            return REFUSED
        if ask(f"type {preview.symbol} to send it: ").strip().upper() != preview.symbol.upper():
            say("not done")
            return REFUSED
        again = replace(
            command,
            command_id=f"{command.command_id}-again",
            order=as_shown(wish, preview),
            seen=preview.limit,
            confirmed=True,
        )
        return tell(answer_to(handle, again, engine=engine, within_s=WORK_S), say=say)
    finally:
        handle.close()
