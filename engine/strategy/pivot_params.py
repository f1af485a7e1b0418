"""Parameters of the pivot trader, checked when a configuration is read."""

from __future__ import annotations

from dataclasses import dataclass

from engine.strategy.params import ParamError, at_least
from engine.strategy.pivot_filters import FilterLimits
from engine.strategy.pivot_track import TrackLimits


@dataclass(frozen=True, slots=True)
class PivotParams:
    """Parameters of `pivot_break`."""

    bars: int = 20
    """5-second bars it needs before it judges a break."""
    max_gap_s: float = 30.0
    """For so long no bar may come, in seconds: nothing traded. After a longer hole it needs all bars anew."""
    min_volume_ratio: float = 1.5
    """A break on the tick needs this much volume in the last bar, over the mean of those before it."""
    min_thrust_ratio: float = 1.0
    """And this range, over the mean range before it."""
    momentum_s: float = 10.0
    """How long after the break volume and thrust may still come, in seconds."""
    max_extension_pct: float = 0.3
    """Farthest beyond the pivot it still enters, in percent."""
    min_room_r: float = 1.0
    """Least way to the first target, in R."""
    retest_band_pct: float = 0.03
    """Within so much of the pivot a break is back at it, in percent."""
    bounce_pct: float = 0.08
    """So far beyond the pivot again, a retest holds, in percent."""
    fail_pct: float = 0.15
    """So far inside again, a break has failed, in percent."""
    retest_minutes: float = 5.0
    """A break that did not come back and hold within this time is over."""
    stop_pct: float = 0.25
    """Distance of the protective stop inside the pivot, in percent."""
    partial_pct: float = 50.0
    """Share of the position closed at the first target, in percent; 0 = none."""
    breakeven: bool = True
    """The first partial moves the stop to the entry price."""
    five_minute_minutes: float = 5.0
    """From this age on a position without a partial must have gained five_minute_min_gain_r; 0 = never."""
    five_minute_min_gain_r: float = 0.1
    """What counts as progress, in R."""

    def __post_init__(self) -> None:
        at_least(self, 2, "bars")
        at_least(self, 5, "max_gap_s")
        at_least(self, 0, "min_volume_ratio", "min_thrust_ratio", "momentum_s", "min_room_r", "partial_pct")
        at_least(self, 0, "retest_band_pct", "fail_pct", "retest_minutes", "five_minute_minutes")
        at_least(self, 0.01, "stop_pct", "max_extension_pct")
        if not self.bounce_pct > self.retest_band_pct:
            raise ParamError("bounce_pct", f"more than retest_band_pct ({self.retest_band_pct:g})")
        if self.partial_pct > 100.0:
            raise ParamError("partial_pct", f"0 to 100, not {self.partial_pct:g}")

    def filter_limits(self) -> FilterLimits:
        """What the filters need."""
        return FilterLimits(
            bars=self.bars,
            min_volume_ratio=self.min_volume_ratio,
            min_thrust_ratio=self.min_thrust_ratio,
            max_extension_pct=self.max_extension_pct,
            min_room_r=self.min_room_r,
        )

    def track_limits(self) -> TrackLimits:
        """What the tracks need."""
        return TrackLimits(
            retest_band_pct=self.retest_band_pct,
            bounce_pct=self.bounce_pct,
            fail_pct=self.fail_pct,
            retest_timeout_s=self.retest_minutes * 60.0,
        )
