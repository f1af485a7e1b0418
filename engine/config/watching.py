"""Sections of cockpit.toml about the watch on itself: health, times to keep, the gateway's restart."""

from __future__ import annotations

from datetime import time

from engine.config.sections import Section
from engine.config.values import WallTime, Weekday, key


class HealthSection(Section):
    """What must be well for entries. What is not blocks them within a second; exits and stops go on."""

    stable_s: float = key(5.0, unit="s", ge=0, le=3600)
    """Time for which everything must be well again before entries go on."""
    heartbeat_log_s: float = key(30.0, unit="s", gt=0, le=3600)
    """Time between two heartbeat lines in the log."""
    max_loop_lag_ms: float = key(100.0, unit="ms", gt=0, le=10000)
    """Lag of the engine's loop above which health warns; seen three seconds in a row it blocks."""
    max_store_ms: float = key(1000.0, unit="ms", gt=0, le=60000)
    """Time of a durable write above which entries are blocked; a tenth of it warns."""
    max_memory_pct: float = key(80.0, unit="%", gt=0, le=100)
    """Memory in use above which entries are blocked: of the machine, or of what this process may have."""
    max_cpu_pct: float = key(80.0, unit="%", gt=0, le=100)
    """This process's share of all processors above which entries are blocked; the machine's only warns."""
    cpu_window_s: float = key(30.0, unit="s", ge=1, le=600)
    """Time over which the processors' use is taken."""
    min_free_disk_mb: float = key(200.0, unit="MB", ge=0, le=1_000_000)
    """Room on the disk of the state folder below which entries are blocked."""
    min_excess_liquidity_pct: float = key(5.0, unit="% NLV", ge=0, le=100)
    """Excess liquidity below which entries are blocked; below four times as much health warns."""
    http_port: int = key(0, ge=0, le=65535)
    """Port on 127.0.0.1 for /live, /ready, /healthz and /metrics; 0 = none (8051 is usual)."""


class SloSection(Section):
    """Times to keep, judged over the last five minutes; what is not kept is an alert (slo_violation)."""

    enabled: bool = True
    """false = times are neither kept nor judged, which --live does not accept."""
    cycle_p95_s: float = key(1.0, unit="s", gt=0, le=600)
    """Decision cycle, 95th percentile: from a bar's arrival until every strategy has decided on it."""
    cycle_p99_s: float = key(2.0, unit="s", gt=0, le=600)
    """The same, 99th percentile."""
    broker_p95_ms: float = key(300.0, unit="ms", gt=0, le=600_000)
    """Round trip of a broker request, 95th percentile."""
    degraded_pct: float = key(0.5, unit="%", ge=0, le=100)
    """Share of decision cycles that may run while health is not well."""
    bar_close_s: float = key(2.0, unit="s", gt=0, le=600)
    """From the close of a bar to its order at the broker, 95th percentile."""


class GatewayRestartSection(Section):
    """When a real gateway restarts every day. A line lost then is no trouble for quiet_minutes."""

    start: WallTime = key(time(23, 40), unit="ET")
    """From here on; entries end no_entry_minutes earlier."""
    end: WallTime = key(time(0, 10), unit="ET")
    """To here, the next day where it is earlier than start."""
    no_entry_minutes: float = key(5.0, unit="min", ge=0, le=240)
    """Time before the restart in which no entry is made."""
    quiet_minutes: float = key(15.0, unit="min", ge=0, le=240)
    """Time for which a line lost in the window is information only."""
    login_day: Weekday = Weekday.SUN
    """Day of the week on which the broker wants a new login: MON … SUN."""
    login_at: WallTime = key(time(1, 0), unit="ET")
    """Time of that login; for an hour from then a lost line is treated as in the window."""
