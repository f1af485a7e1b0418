"""Verdicts on the machine and the engine's own pace: loop, store, memory, processors, disk, clock. Pure.

A figure that is None could not be measured. Where the cause is a broken probe that is a warning; only an
unknown clock blocks, because nobody can trade on a time that may be wrong.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.domain.reasons import Reason
from engine.health.verdicts import Check, Verdict, bad, note, ok, warn


class LoopLag(NamedTuple):
    """How late the engine's loop runs, ms."""

    worst_ms: float
    """Of the last minute."""
    lasting_ms: float
    """The least of the worst of each of the last three seconds: a single stall does not show in it."""


class StorePace(NamedTuple):
    """How the store writes."""

    healthy: bool
    p50_ms: float | None
    """Of the writes of the last half minute; None where there were none."""
    p99_ms: float | None
    waiting_ms: float = 0.0
    """For how long writes have been waiting without one being done."""


class Share(NamedTuple):
    """Use of something the machine has, in percent."""

    own_pct: float | None
    """This process's, of what it may have."""
    machine_pct: float | None
    """Everybody's."""


class ClockSync(NamedTuple):
    """What the operating system says of the machine's clock."""

    synced: bool | None
    """None where it cannot be asked."""
    drift_ms: float | None = None


def judge_loop(lag: LoopLag, *, max_ms: float) -> Verdict:
    """Blocks while the loop is late second after second; warns of a single stall."""
    shown, limit = f"{lag.worst_ms:.0f} ms", f"{max_ms:.0f} ms"
    if lag.lasting_ms > max_ms:
        text = f"the loop is {lag.lasting_ms:.0f} ms late, second after second"
        return bad(Check.LOOP, Reason.LOOP_LAG, text, value=f"{lag.lasting_ms:.0f} ms", limit=limit)
    text = f"max lag {lag.worst_ms:.1f} ms"
    if lag.worst_ms > max_ms:
        return warn(Check.LOOP, text, value=shown, limit=limit)
    return ok(Check.LOOP, text, value=shown, limit=limit)


def judge_store(pace: StorePace, *, max_ms: float) -> Verdict:
    """A store that cannot write blocks by itself (B.4); here one that takes too long does."""
    limit = f"{max_ms:.0f} ms"
    if not pace.healthy:
        return bad(Check.STORE, Reason.STORE_DOWN, "NOT STORED: cannot write", limit=limit)
    if pace.waiting_ms > max_ms:
        shown = f"{pace.waiting_ms:.0f} ms"
        text = f"a write has been waiting for {shown}"
        return bad(Check.STORE, Reason.STORE_SLOW, text, value=shown, limit=limit)
    if pace.p50_ms is None or pace.p99_ms is None:
        return ok(Check.STORE, "ready", limit=limit)
    if pace.p50_ms > max_ms:
        shown = f"{pace.p50_ms:.0f} ms"
        return bad(Check.STORE, Reason.STORE_SLOW, f"a write takes {shown}", value=shown, limit=limit)
    shown, text = f"{pace.p99_ms:.1f} ms", f"p99 {pace.p99_ms:.1f} ms"
    if pace.p99_ms > max_ms / 10.0:
        return warn(Check.STORE, text, value=shown, limit=limit)
    return ok(Check.STORE, text, value=shown, limit=limit)


def judge_memory(share: Share, *, max_pct: float) -> Verdict:
    """Blocks above `max_pct`, of the machine or of what this process may have: next it would be killed."""
    limit = f"{max_pct:.0f} %"
    known = [pct for pct in share if pct is not None]
    if not known:
        return warn(Check.MEMORY, "cannot be measured", limit=limit)
    worst = max(known)
    text = _shares(share)
    if worst > max_pct:
        return bad(Check.MEMORY, Reason.MEMORY, f"{text} in use", value=f"{worst:.0f} %", limit=limit)
    return ok(Check.MEMORY, text, value=f"{worst:.0f} %", limit=limit)


def judge_cpu(share: Share, *, max_pct: float) -> Verdict:
    """Blocks above `max_pct` of all processors by this process; a busy machine only warns."""
    limit = f"{max_pct:.0f} %"
    if share.own_pct is None:
        return note(Check.CPU, "measuring", limit=limit)
    shown, text = f"{share.own_pct:.0f} %", _shares(share)
    if share.own_pct > max_pct:
        return bad(Check.CPU, Reason.CPU, f"{text} in use", value=shown, limit=limit)
    if share.machine_pct is not None and share.machine_pct > max_pct:
        return warn(Check.CPU, f"the machine is busy: {text}", value=shown, limit=limit)
    return ok(Check.CPU, text, value=shown, limit=limit)


def judge_disk(free_mb: float | None, *, min_mb: float) -> Verdict:
    """Blocks below `min_mb`; warns below twice as much."""
    limit = f"{min_mb:,.0f} MB"
    if free_mb is None:
        return warn(Check.DISK, "cannot be measured", limit=limit)
    shown = f"{free_mb:,.0f} MB" if free_mb < 10_000 else f"{free_mb / 1024:,.0f} GB"
    if free_mb < min_mb:
        return bad(Check.DISK, Reason.DISK_FULL, f"{shown} free", value=shown, limit=limit)
    if free_mb < 2 * min_mb:
        return warn(Check.DISK, f"{shown} free", value=shown, limit=limit)
    return ok(Check.DISK, f"{shown} free", value=shown, limit=limit)


def clock_problem(sync: ClockSync, *, max_drift_ms: float) -> str:
    """What is wrong with the machine's clock, for people; empty where it may be trusted."""
    if sync.synced is None:
        return "whether the machine's clock is synchronised cannot be found out"
    if not sync.synced:
        return "the machine's clock is not synchronised"
    if sync.drift_ms is None or not abs(sync.drift_ms) < max_drift_ms:
        drift = "an unknown drift" if sync.drift_ms is None else f"a drift of {sync.drift_ms:.0f} ms"
        return f"the machine's clock has {drift} (limit {max_drift_ms:.0f} ms)"
    return ""


def judge_clock(
    sync: ClockSync, *, max_drift_ms: float, strict: bool, speed: float, simulated: bool = False
) -> Verdict:
    """Fails closed where `strict` (trading on a real gateway), warns in a dry run there.

    `speed` is the exchange clock's; a `simulated` exchange has a clock of its own.
    """
    pace = "real time" if speed == 1 else f"{speed:g}x real time"
    problem, limit = clock_problem(sync, max_drift_ms=max_drift_ms), f"{max_drift_ms:.0f} ms"
    value = "" if sync.drift_ms is None else f"{sync.drift_ms:.0f} ms"
    if speed == 0:
        return warn(Check.CLOCK, "exchange clock stands", value=value, limit=limit)
    if not problem:
        return ok(Check.CLOCK, f"drift {sync.drift_ms:.0f} ms, {pace}", value=value, limit=limit)
    if strict:
        return bad(Check.CLOCK, Reason.CLOCK_UNSYNCED, problem, value=value, limit=limit)
    said = f"{pace}; {problem}"
    return (note if simulated else warn)(Check.CLOCK, said, value=value, limit=limit)


def _shares(share: Share) -> str:
    parts = []
    if share.own_pct is not None:
        parts.append(f"own {share.own_pct:.0f} %")
    if share.machine_pct is not None:
        parts.append(f"machine {share.machine_pct:.0f} %")
    return ", ".join(parts)
