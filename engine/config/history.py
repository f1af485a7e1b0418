"""The section of recorded bars: where files for backtests lie, and how their prices are adjusted."""

from __future__ import annotations

from engine.config.sections import Section


class HistorySection(Section):
    """Recorded bars for backtests; what `cockpit data fetch` gets is kept in the state folder."""

    data_dir: str = ""
    """Folder of your own bar files, CSV or Parquet; empty = only what was fetched from the broker."""
    actions_dir: str = ""
    """Folder with factor_files/ (splits, dividends) and map_files/ (changed symbols); empty = data_dir."""
    adjust: bool = True
    """Adjust prices and volume for splits and dividends where factors are known; false = as traded."""
