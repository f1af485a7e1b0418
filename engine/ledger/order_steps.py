"""The order state machine as pure functions: what a claim, a refusal or a fill makes of a state.

A done state is final, with one exception: a fill. Executions are facts; everything else is words.
"""

from __future__ import annotations

from enum import Enum, auto

from engine.domain.order import OrderState

S = OrderState

_HELD = frozenset({"PreSubmitted", "Submitted", "PendingSubmit", "ApiPending"})
_CANCELLED = frozenset({"Cancelled", "ApiCancelled"})
# The broker never took the order: final while we have no other sign of life of it. 10006: its parent was
# not taken, as of the stop that is attached to a refused entry.
_REJECTION_CODES = frozenset({103, 110, 200, 201, 203, 320, 321, 10006})
_CANCELLED_CODE = 202
_CANCEL_NOT_FOUND = 10147
_CANCEL_REFUSED = frozenset({161, 10148})


class Verdict(Enum):
    """What an input turned out to be, beside the state it leads to."""

    TAKEN = auto()
    CONTRADICTION = auto()
    """A done order is called working."""
    ILLEGAL = auto()
    """We asked for a step that the state does not allow."""
    CANCEL_REFUSED = auto()


def on_status(state: OrderState, status: str, *, refused: bool) -> tuple[OrderState, Verdict]:
    """The state after the broker's own word. `refused`: a rejection error came for this order before."""
    if state.is_done:
        zombie = status in _HELD and state is not S.FILLED
        return state, Verdict.CONTRADICTION if zombie else Verdict.TAKEN
    if status in _HELD:
        return (state if state is S.CANCEL_PENDING else S.WORKING), Verdict.TAKEN
    if status in _CANCELLED:
        return (S.REJECTED if refused else S.CANCELLED), Verdict.TAKEN
    if status == "Inactive":
        # Rejected where an error said so; else held by the broker, and may come to life again.
        return (S.REJECTED if refused else S.UNKNOWN), Verdict.TAKEN
    if status == "PendingCancel":
        return S.CANCEL_PENDING, Verdict.TAKEN
    # "Filled" is proven by executions alone: until they are booked the order keeps counting.
    if status == "Filled" and state in {S.PENDING, S.SENDING, S.UNKNOWN}:
        return S.WORKING, Verdict.TAKEN
    return state, Verdict.TAKEN


def is_rejection(code: int) -> bool:
    """True for errors that say the broker does not take the order."""
    return code in _REJECTION_CODES


def on_error(state: OrderState, code: int, *, inactive: bool) -> tuple[OrderState, Verdict]:
    """The state after an error that names the order. `inactive`: the broker's last status was Inactive."""
    if state.is_done:
        return state, Verdict.TAKEN
    if code == _CANCELLED_CODE:
        return S.CANCELLED, Verdict.TAKEN
    if is_rejection(code) and (inactive or state in {S.PENDING, S.SENDING}):
        return S.REJECTED, Verdict.TAKEN
    if code == _CANCEL_NOT_FOUND and state is not S.PENDING:
        # Absence is not proof: it may have filled, or be somebody else's. Ask again, never resend.
        return S.UNKNOWN, Verdict.CANCEL_REFUSED
    if code in _CANCEL_REFUSED:
        return (S.WORKING if state is S.CANCEL_PENDING else state), Verdict.CANCEL_REFUSED
    return state, Verdict.TAKEN


def on_fill(state: OrderState, *, filled: int, quantity: int) -> OrderState:
    """The state after an execution; `filled` is the sum of all booked ones."""
    if state is S.FILLED or filled >= quantity:
        return S.FILLED
    if state in {S.PENDING, S.SENDING}:
        return S.WORKING
    if state in {S.REJECTED, S.ABANDONED}:
        # It was out there after all; what became of the rest nobody has said.
        return S.UNKNOWN
    return state


_OWN_STEPS: dict[OrderState, frozenset[OrderState]] = {
    S.SENDING: frozenset({S.PENDING}),
    S.CANCEL_PENDING: frozenset({S.SENDING, S.WORKING, S.UNKNOWN, S.CANCEL_PENDING}),
    S.UNKNOWN: frozenset({S.SENDING, S.WORKING, S.CANCEL_PENDING, S.UNKNOWN}),
    S.ABANDONED: frozenset({S.PENDING, S.SENDING, S.UNKNOWN}),
}


def on_own_step(state: OrderState, wanted: OrderState) -> tuple[OrderState, Verdict]:
    """The state after an act of our own (sending, asking for a cancel, parking, dropping)."""
    if state is wanted:
        return state, Verdict.TAKEN
    if state in _OWN_STEPS[wanted]:
        return wanted, Verdict.TAKEN
    return state, Verdict.ILLEGAL
