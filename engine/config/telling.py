"""Sections of cockpit.toml about what people are told: the log, the alerts, the screen; and secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

from engine.config.sections import Section
from engine.config.values import AlertLevel, BellLevel, LogFormat, LogLevel, Theme, key, matching

_CHANNEL = matching(r"[a-z][a-z0-9]{0,31}", "a name of lower case letters and digits")


class LogSection(Section):
    """The log."""

    level: LogLevel = LogLevel.INFO
    """Least severe events logged: DEBUG, INFO, WARNING, ERROR."""
    format: LogFormat = LogFormat.TEXT
    """text for people, json for programs: one event a line."""
    retention_days: int = key(90, unit="days", ge=30, le=3650)
    """Age at which the files of a day are deleted (`cockpit purge` deletes younger ones)."""


class AlertsSection(Section):
    """How people hear of alerts besides screen, log and database."""

    channels: tuple[Annotated[str, AfterValidator(_CHANNEL)], ...] = ()
    """Names of your own channels; addresses: COCKPIT_ALERT_<NAME> or the keyring (docs/runbook.md)."""
    escalation: tuple[Annotated[str, AfterValidator(_CHANNEL)], ...] = ()
    """Channels that hear only of what nobody acknowledged in time."""
    min_level: AlertLevel = AlertLevel.WARNING
    """Least severe alerts that are sent out: WARNING, ERROR, CRITICAL."""
    dedupe_s: float = key(60.0, unit="s", ge=1, le=3600)
    """The same alert is told at most once in this time, with how often it was raised."""
    escalate_s: float = key(120.0, unit="s", ge=5, le=3600)
    """An alert that stands unacknowledged for this long is escalated, once."""


class UiSection(Section):
    """The screen."""

    theme: Theme = Theme.SAFE
    """cockpit-safe (blue and orange), cockpit-dark, cockpit-light, ansi."""
    refresh_s: float = key(0.25, unit="s", ge=0.05, le=10)
    """Time between two refreshes of ticking values; fills and alerts show at once."""
    bell: BellLevel = BellLevel.ERROR
    """Least severe alerts that ring the terminal's bell: off, WARNING, ERROR, CRITICAL."""
    keys: Mapping[str, str] = {}
    """Own keys: action id = key, as the help screen lists them."""


class SecuritySection(Section):
    """Secrets, which stand in no file of the configuration (environment or keyring only), and the clock."""

    rotation_days: int = key(90, unit="days", ge=1, le=365)
    """Age of a secret at which a new one is due (`cockpit secrets rotated NAME` records the day)."""
    max_clock_drift_ms: float = key(100.0, unit="ms", gt=0, le=60_000)
    """Drift of the machine's clock from which on trading on a real gateway is refused."""
