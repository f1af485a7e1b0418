"""Notes what went into each decision, in order, so that a session can be decided once more from its log.

An append per step and nothing else: what is noted is written out later, in the thread of the store.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from engine.domain.instrument import Instrument
from engine.domain.order import Proposal
from engine.domain.preview import EntryTicket
from engine.ledger.events import LedgerEvent
from engine.risk.limits import RiskLimits
from engine.risk.refusal import Refusal
from engine.risk.world import GateWorld
from engine.store.events import NewEvent, append_events
from engine.store.session_flow import Assigned, Booked, Described, Judged, Ruled, Step, answer_of, packed_flow

_MOST: Final = 200_000
"""Steps kept while the disk takes none; then the oldest go, and the session can not be played again."""

Place = list[Step]
"""Where a judgement will stand in the flow: what it was made of is put in a turn later."""


class Flow:
    """The steps of the running session that are not written out yet."""

    def __init__(self) -> None:
        self._steps: deque[Step | Place] = deque(maxlen=_MOST)
        self.note = self._steps.append
        """Takes one step."""
        self._limits: RiskLimits | None = None
        self._instruments: dict[str, Instrument] = {}

    def assigned(
        self, strategy: str, keys: Sequence[str], at: datetime, instruments: Mapping[str, Instrument]
    ) -> None:
        """A strategy begins anew with these instruments."""
        for key in keys:
            self._described(instruments.get(key), self.note)
        self.note(Assigned(strategy, tuple(keys), at))

    def booked(self, event: LedgerEvent, at: datetime) -> None:
        """The ledger took this in."""
        self.note(Booked(type(event).__name__, event, at))

    def reserve(self) -> Place:
        """An entry comes before the gate here; what was judged follows by `judged`."""
        place: Place = []
        self.note(place)
        return place

    def judged(
        self,
        place: Place,
        proposal: Proposal,
        world: GateWorld,
        limits: RiskLimits,
        answer: EntryTicket | Refusal,
    ) -> None:
        """What the gate was given and what it said, at its place."""
        if limits is not self._limits:
            self._limits = limits
            place.append(Ruled(limits))
        self._described(world.instrument, place.append)
        chosen = world.selection
        # Others go on writing into the two maps while this waits for the disk.
        held = chosen._replace(themes=dict(chosen.themes), tiers=dict(chosen.tiers))
        kept = replace(world, instrument=None, signals_used=frozenset(), selection=held)
        place.append(Judged(proposal, kept, answer_of(answer)))

    def _described(self, instrument: Instrument | None, note: Callable[[Step], object]) -> None:
        if instrument is not None and self._instruments.get(instrument.key) is not instrument:
            self._instruments[instrument.key] = instrument
            note(Described(instrument))

    def cut(self) -> tuple[Step, ...]:
        """What is complete so far, taken out."""
        found: list[Step] = []
        steps = self._steps
        while steps and steps[0] != []:
            step = steps.popleft()
            if isinstance(step, list):
                found += step
            else:
                found.append(step)
        return tuple(found)

    def put_back(self, steps: Sequence[Step]) -> None:
        """What could not be written."""
        self._steps.extendleft(reversed(steps))


def append_session(
    conn: sqlite3.Connection, *, events: Sequence[NewEvent], steps: Sequence[Step], at: datetime, boot_id: str
) -> None:
    """Write lines and steps of a session into the event log."""
    flow: tuple[NewEvent, ...] = ()
    if steps:
        payload: Mapping[str, object] = packed_flow(steps)
        flow = (NewEvent(at, "flow", "info", "", "", "", payload),)
    append_events(conn, (*events, *flow), boot_id=boot_id)
