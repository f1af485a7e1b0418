"""Snapshots with a full account of health: all well, and much that is not."""

from __future__ import annotations

from dataclasses import replace

from engine.api import HealthRow, Level, Snapshot, TelemetryView, TimingRow, UptimeView
from engine.api_gates import DrillView, GatesView, GateView
from tests.cockpit.scripted import NORMAL, ago

WELL = (
    HealthRow("broker", Level.OK, "rtt 0.9 ms", "0.9 ms", "silent 3 s", 5400.0),
    HealthRow("data", Level.OK, "16 live, 0 stale", "0.8 s", "5 s", 5400.0),
    HealthRow("entitlement", Level.OK, "real time", "real time", "real time", 5400.0),
    HealthRow("halts", Level.OK, "none", "0", "0", 5400.0),
    HealthRow("margin", Level.OK, "97 % free, buying power 3,880,000", "97 %", "5 %", 5400.0),
    HealthRow("restart", Level.OK, "restart in 13 h 36 m, login in 4 d 14 h", "13 h 36 m", "", 5400.0),
    HealthRow("clock", Level.OK, "drift 3 ms, real time", "3 ms", "100 ms", 5400.0),
    HealthRow("memory", Level.OK, "own 1 %, machine 41 %", "41 %", "80 %", 5400.0),
    HealthRow("cpu", Level.OK, "own 4 %, machine 22 %", "4 %", "80 %", 5370.0),
    HealthRow("disk", Level.OK, "72 GB free", "72 GB", "200 MB", 5400.0),
    HealthRow("loop", Level.OK, "max lag 2.1 ms", "2 ms", "100 ms", 5400.0),
    HealthRow("store", Level.OK, "p99 0.4 ms", "0.4 ms", "1000 ms", 5400.0),
    HealthRow("calendar", Level.OK, "open, closes in 5 h 56 m", "open", "known", 1980.0),
    HealthRow("model", Level.INFO, "no model yet", "", "", 5400.0),
)

TIMES = (
    TimingRow("decision cycle", 960, 0.31, 0.82, 1.9, "p95 ≤ 1.00 s, p99 ≤ 2.00 s"),
    TimingRow("tick to order", 7, 2.4, 6.8, 6.8),
    TimingRow("order to ack", 14, 1.3, 3.3, 3.4),
    TimingRow("broker request", 311, 0.9, 2.0, 4.1, "p95 ≤ 300.0 ms"),
    TimingRow("store write", 122, 0.3, 0.6, 2.2),
    TimingRow("bar close to submit", 0, None, None, None, "p95 ≤ 2.00 s"),
)

ACCOUNT = TelemetryView(
    TIMES,
    bars=12_480,
    proposed=31,
    approved=12,
    submitted=12,
    cycles=12_480,
    degraded=3,
    uptime=UptimeView(99.9487, 32.48, 32.48, 1, 5),
)

GATES = GatesView(
    (
        GateView("ci_green", "CI and configuration", "green", "every check passed", ago(7200)),
        GateView("clean_days", "Clean paper days", "missing", "2 of 5 consecutive clean days", ago(86_400)),
        GateView("kill_drill", "Kill drill", "failed", "cancels took 11.2 s, limit 10 s", ago(3600)),
    ),
    account="DU1234567",
    counts_text="this run is no evidence: simulated prices",
    drills=(
        DrillView(
            "link-loss",
            "passed",
            "noticed 0.06 s, well again 5.62 s",
            ago(7200),
            what="the line to the broker is cut for a second while a position is held",
            expects="connects again by itself, asks for everything anew, enters nothing twice",
            limits="noticed within 1 s, well again within 20 s, never without a stop for longer than 2 s",
        ),
        DrillView(
            "kill-9",
            "failed",
            "recovered: not within 60 s",
            ago(3600),
            what="the cockpit's process is killed while a position is held, and started again",
            expects="finds position and stop as they were; neither enters nor covers twice",
            limits="noticed within 2 s, well again within 60 s, never without a stop for longer than 2 s",
        ),
        DrillView("orphan", "never", "cockpit drill run orphan"),
    ),
)

HEALTHY: Snapshot = replace(NORMAL, health=WELL, telemetry=ACCOUNT, gates=GATES)

ILL: Snapshot = replace(
    HEALTHY,
    entries_allowed=False,
    entries_text="loop: the loop is 240 ms late, second after second",
    health=tuple(
        {
            "loop": HealthRow(
                "loop",
                Level.ERROR,
                "the loop is 240 ms late, second after second",
                "240 ms",
                "100 ms",
                4.0,
                blocks=True,
            ),
            "entitlement": HealthRow(
                "entitlement",
                Level.WARNING,
                "competing session: QQQ; delayed: AMD, SPY",
                "competing session, delayed",
                "real time",
                62.0,
            ),
            "halts": HealthRow("halts", Level.WARNING, "TSLA volatility halt", "1", "0", 130.0),
        }.get(row.name, row)
        for row in WELL
    ),
    telemetry=replace(
        ACCOUNT,
        timings=(replace(TIMES[0], p95_ms=1400.0, p99_ms=2600.0, violated=True), *TIMES[1:]),
        degraded=190,
        uptime=UptimeView(99.1, 8.0, 32.1, 4, 5),
    ),
)
