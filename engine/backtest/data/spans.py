"""Which stretches of time the cache holds, and which requests complete it: no part asked for twice. Pure.

A stretch is half-open, `[start, end)` in nanoseconds UTC; several are sorted, apart and not empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from engine.backtest.series import NANOSECONDS

Span = tuple[int, int]
Spans = tuple[Span, ...]

_DAY_S: Final = 86_400
_MOST_SESSIONS: Final = {_DAY_S: 2_500, 60: 5}
"""Sessions one request may cover: ten years of daily bars, a week of minutes."""
_MOST_INSIDE_S: Final = 3_600
"""Shorter bars come an hour at a time: the broker recommends no more."""


class Request(NamedTuple):
    """What one question to the broker covers."""

    pieces: Spans
    """Stretches of sessions, each inside one."""

    @property
    def start_ns(self) -> int:
        """Where its first bar begins."""
        return self.pieces[0][0]

    @property
    def end_ns(self) -> int:
        """Where its last bar ends."""
        return self.pieces[-1][1]


def united(spans: Iterable[Span]) -> Spans:
    """The same stretches sorted, with neighbours and overlaps made one."""
    made: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if made and start <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], end))
        else:
            made.append((start, end))
    return tuple(made)


def without(asked: Span, held: Spans) -> Spans:
    """The parts of `asked` that `held` (united) does not cover."""
    missing = []
    at, end = asked
    for start, stop in held:
        if stop <= at:
            continue
        if start >= end:
            break
        if start > at:
            missing.append((at, start))
        at = stop
    if at < end:
        missing.append((at, end))
    return tuple(missing)


def requests(sessions: Sequence[Span], held: Spans, *, seconds: int) -> tuple[Request, ...]:
    """The fewest questions that complete `sessions`, given what is held; oldest first."""
    if seconds in _MOST_SESSIONS:
        return tuple(_by_sessions(sessions, held, most=_MOST_SESSIONS[seconds]))
    pieces = (piece for session in sessions for piece in without(session, held))
    return tuple(Request((part,)) for piece in pieces for part in _cut(piece, _MOST_INSIDE_S * NANOSECONDS))


def _by_sessions(sessions: Sequence[Span], held: Spans, *, most: int) -> Iterator[Request]:
    """Neighbouring sessions in one request; one that is held already ends it."""
    run: list[Span] = []
    for session in sessions:
        missing = without(session, held)
        if run and (missing != (session,) or len(run) == most):
            yield Request(tuple(run))
            run = []
        if missing == (session,):
            run.append(session)
        else:
            yield from (Request((piece,)) for piece in missing)
    if run:
        yield Request(tuple(run))


def _cut(piece: Span, length_ns: int) -> Iterator[Span]:
    start, end = piece
    while start < end:
        yield start, min(start + length_ns, end)
        start += length_ns
