"""The three ways a command ends."""

from __future__ import annotations

from engine.api import Command, Outcome, OutcomeStatus


def done(command: Command, text: str, details: tuple[str, ...] = ()) -> Outcome:
    """It was done."""
    return Outcome(command.command_id, OutcomeStatus.DONE, "", text, details)


def refused(command: Command, code: str, text: str, details: tuple[str, ...] = ()) -> Outcome:
    """A rule said no; nothing was changed."""
    return Outcome(command.command_id, OutcomeStatus.REFUSED, code, text, details)


def failed(command: Command, code: str, text: str, details: tuple[str, ...] = ()) -> Outcome:
    """Tried, and not wholly done; the text names what stayed."""
    return Outcome(command.command_id, OutcomeStatus.FAILED, code, text, details)
