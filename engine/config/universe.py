"""The section of the universe: where the watch list of the day comes from."""

from __future__ import annotations

from engine.config.sections import Section
from engine.config.values import key


class UniverseSection(Section):
    """What may be traded, and the levels of the day."""

    scanner_dir: str = key("scanner", min_length=1)
    """Folder of scanner files (scanner_results_YYYYMMDD.json); relative to this file. Where it has none for
    today, the levels are found in history."""
