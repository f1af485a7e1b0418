"""The section about the web view."""

from __future__ import annotations

from engine.config.sections import Section
from engine.config.values import key


class WebSection(Section):
    """The web view of `cockpit serve`. Nothing listens without that command."""

    host: str = "127.0.0.1"
    """Address it listens at. Another than this machine's own (127.0.0.1, ::1, localhost) needs `--token`."""
    port: int = key(8050, ge=1, le=65535)
    """Port it listens at (DASHBOARD_PORT)."""
