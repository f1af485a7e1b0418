"""Long answers in portions: a year of bars must not keep the market or another client waiting.

A request that is quick to answer is answered within its own turn, so that a client which asks one thing
after another gets the answers in that order.
"""

from __future__ import annotations

import math
from typing import Final

from engine.gateway import unforeseen
from engine.gateway.session import HistoryJob, Session
from engine.gateway.venue import Venue

AT_ONCE_S: Final = 0.004
"""Wall time a request may take in the turn it arrives in; the rest is made between turns."""
_HISTORY_ERROR: Final = 162
_FAILED: Final = "Historical Market Data Service error message:the gateway failed on this query; see its log"


def begin(venue: Venue, session: Session, request_id: int, job: HistoryJob) -> None:
    """Start answering; what is not done after a moment goes on with the coming turns.

    In lockstep the whole answer comes first: a replay must not depend on how fast the machine is.
    """
    session.subscriptions.jobs[request_id] = job
    _work_on(venue, session, request_id, math.inf if venue.clock.is_lockstep else AT_ONCE_S)


def work(venue: Venue) -> bool:
    """One moment for each client's oldest unfinished answer; True while any is left."""
    for session in list(venue.started()):
        for request_id in list(session.subscriptions.jobs)[:1]:
            _work_on(venue, session, request_id, AT_ONCE_S)
    return any(session.subscriptions.jobs for session in venue.started())


def _work_on(venue: Venue, session: Session, request_id: int, within_s: float) -> None:
    jobs = session.subscriptions.jobs
    portions = jobs[request_id].portions
    deadline = venue.monotonic() + within_s
    while venue.monotonic() < deadline:
        try:
            next(portions)
        except StopIteration:
            jobs.pop(request_id, None)
            return
        except Exception as error:  # noqa: BLE001  its client is told; nobody else is concerned
            jobs.pop(request_id, None)
            unforeseen.note(f"{session.name}: history request {request_id} was not answered", error)
            session.error(_HISTORY_ERROR, _FAILED, request_id=request_id)
            return
