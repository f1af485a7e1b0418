"""The rules trader: triggers of complete bars, the best of a cycle, terms in percent.

All bars that end at one moment are one cycle. Its triggers are judged together, so the cap takes the best of
all instruments whatever order their bars arrived in: when the last bar has come, when a bar of a later
cycle shows that no more will, or after a grace by the clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Self

from engine.domain.market import Bar, bars_by_symbol
from engine.domain.order import Intention, Proposal, Side
from engine.domain.plan import Plan
from engine.domain.reasons import Reason
from engine.domain.terms import Terms, TermsError
from engine.strategy.base import Strategy, StrategyView, Waiting
from engine.strategy.continuity import hole_in, told
from engine.strategy.params import ParamError, at_least, parse_params
from engine.strategy.registry import strategy
from engine.strategy.triggers import Trigger, TriggerRules, select, triggers_of


@dataclass(frozen=True, slots=True)
class RulesParams:
    """Parameters of `rules`."""

    breakout_bars: int = 20
    """Bars whose highest high, or lowest low, must be passed."""
    volume_bars: int = 20
    """Bars whose mean volume is the ordinary one."""
    full_breakout_pct: float = 0.5
    """So far beyond, a breakout scores 1, in percent of price."""
    full_volume_ratio: float = 4.0
    """So many times the ordinary volume, a spike scores 1; ordinary volume scores 0."""
    min_score: float = 0.5
    """Least score of a trigger that counts, 0 to 1; the score is the conviction."""
    max_triggers_per_cycle: int = 5
    """Most triggers of all instruments together per bar close; the best ones."""
    notional_pct: float = 5.0
    """Largest exposure of an entry, in percent of net liquidation value; tiers may allow less."""
    stop_loss_pct: float = 1.0
    """Way to the protective stop, in percent of price."""
    take_profit_pct: float = 2.0
    """Way from the entry price to the target, in percent of price; left at the bar that reaches it."""
    allow_gaps: bool = False
    """true = bars that are missing within a day do not matter; false = nothing is decided across them."""
    grace_s: float = 2.0
    """Seconds after the close for which a cycle waits for bars that are missing."""

    def __post_init__(self) -> None:
        at_least(self, 2, "breakout_bars", "volume_bars")
        at_least(self, 1, "max_triggers_per_cycle")
        at_least(self, 0, "min_score", "grace_s")
        at_least(self, 0.001, "full_breakout_pct")
        at_least(self, 1.001, "full_volume_ratio")
        if self.min_score > 1:
            raise ParamError("min_score", f"at most 1, not {self.min_score:g}")
        try:
            self.terms()
        except TermsError as err:
            raise ParamError(err.field, str(err).partition("expected ")[2]) from None

    def terms(self) -> Terms:
        """What every entry asks for."""
        return Terms(
            notional_pct=self.notional_pct,
            stop_loss_pct=self.stop_loss_pct,
            take_profit_pct=self.take_profit_pct,
        )

    def triggers(self) -> TriggerRules:
        """What counts as a trigger."""
        return TriggerRules(
            breakout_bars=self.breakout_bars,
            volume_bars=self.volume_bars,
            full_breakout_pct=self.full_breakout_pct,
            full_volume_ratio=self.full_volume_ratio,
            min_score=self.min_score,
            max_per_cycle=self.max_triggers_per_cycle,
        )


@dataclass(slots=True)
class _Cycle:
    """Everything that one bar close has brought so far."""

    end: datetime
    seen: set[str] = field(default_factory=set)
    found: list[Trigger] = field(default_factory=list)
    closes: dict[str, float] = field(default_factory=dict)


@strategy("rules")
class Rules(Strategy):
    """Breakouts and volume spikes at the bar's close, the best of a cycle, terms in percent."""

    reads_clock: ClassVar[bool] = True

    def __init__(self, name: str, *, params: RulesParams, keys: Sequence[str]) -> None:
        super().__init__(name, keys=keys)
        self.params = params
        self._rules, self._terms = params.triggers(), params.terms()
        self._bars: dict[str, deque[Bar]] = {key: self._window() for key in self.keys}
        self._said: dict[str, Waiting] = {}
        self._cycle: _Cycle | None = None
        self._closed: datetime | None = None
        """End of the newest cycle that was judged."""

    @classmethod
    def create(cls, name: str, *, params: Mapping[str, object], keys: Sequence[str]) -> Self:
        """One instance from a configuration table. Raises ParamError."""
        return cls(name, params=parse_params(RulesParams, params), keys=keys)

    def warm_up_bars(self) -> int:
        """The longer lookback, and the bar that is judged by it."""
        return max(self.params.breakout_bars, self.params.volume_bars) + 1

    def warm_up(self, bars: Iterable[Bar]) -> None:
        """Take history; where both have a bar, the live one counts."""
        for key, past in bars_by_symbol(bar for bar in bars if bar.symbol in self._bars).items():
            merged = {bar.end: bar for bar in (*past, *self._bars[key])}
            self._bars[key] = self._window()
            self._bars[key].extend(merged[end] for end in sorted(merged))

    def on_bar(self, bar: Bar, view: StrategyView) -> tuple[Proposal, ...]:
        """Leave what has reached its target; look for triggers; judge the cycle once it is whole."""
        window = self._bars.get(bar.symbol)
        if window is None or (window and bar.end <= window[-1].end):
            return ()
        window.append(bar)
        wanted = list(self._judge() if self._cycle is not None and bar.end > self._cycle.end else ())
        if view.quantity:
            wanted += self._leave(bar, view)
        if self._closed is not None and bar.end <= self._closed:
            return tuple(wanted)  # its cycle was judged without it
        cycle = self._cycle = self._cycle or _Cycle(bar.end)
        cycle.seen.add(bar.symbol)
        cycle.closes[bar.symbol] = bar.close
        cycle.found += self._triggers(bar.symbol, view)
        if len(cycle.seen) == len(self.keys):
            wanted += self._judge()
        return tuple(wanted)

    def on_clock(self, key: str, now: datetime, view: StrategyView) -> tuple[Proposal, ...]:
        """Judge a cycle that waited long enough for bars that are missing."""
        cycle = self._cycle
        if cycle is None or now < cycle.end + timedelta(seconds=self.params.grace_s):
            return ()
        return self._judge()

    def why_not(self, key: str) -> Waiting:
        """What it waits for."""
        seen, needed = len(self._bars[key]), self.warm_up_bars()
        if seen < needed:
            return Waiting(Reason.WARMING_UP, f"warming up: {seen} of {needed} bars")
        return self._said.get(key) or Waiting(Reason.NO_SIGNAL, "no breakout and no volume spike")

    # --- inside ---------------------------------------------------------------------------------

    def _window(self) -> deque[Bar]:
        return deque(maxlen=self.warm_up_bars())

    def _triggers(self, key: str, view: StrategyView) -> list[Trigger]:
        """Triggers of the last bar that could be acted on; those of the side it may not take are none."""
        window = self._bars[key]
        self._said.pop(key, None)
        if view.quantity or view.entry_working or len(window) < self.warm_up_bars():
            return []
        hole = None if self.params.allow_gaps else hole_in(window)
        if hole is not None:
            self._said[key] = Waiting(Reason.WARMING_UP, told(hole))
            return []
        found = triggers_of(tuple(window), self._rules)
        allowed = [t for t in found if t.side is Side.BUY or view.allow_short]
        if found and not allowed:
            self._said[key] = Waiting(Reason.SHORT_NOT_ALLOWED, f"{found[0].text}; long only here")
        return allowed

    def _judge(self) -> tuple[Proposal, ...]:
        """The triggers of the cycle that count, as proposals; of the others why they do not."""
        cycle, self._cycle = self._cycle, None
        if cycle is None:
            return ()
        self._closed = cycle.end
        chosen = select(cycle.found, self._rules)
        taken = {trigger.key for trigger in chosen}
        for trigger in cycle.found:
            if trigger.key not in taken:
                self._said[trigger.key] = self._passed_over(trigger)
        return tuple(self._enter(t, cycle.end, cycle.closes[t.key]) for t in chosen)

    def _passed_over(self, trigger: Trigger) -> Waiting:
        text = f"{trigger.kind.value} scores {trigger.score:.2f}"
        if trigger.score < self._rules.min_score:
            return Waiting(Reason.FILTERED, f"{text} of {self._rules.min_score:.2f}: {trigger.text}")
        return Waiting(
            Reason.FILTERED, f"{text}, and {self._rules.max_per_cycle} scored better: {trigger.text}"
        )

    def _enter(self, trigger: Trigger, end: datetime, close: float) -> Proposal:
        target = self._terms.target(close, trigger.side.sign)
        return Proposal(
            strategy=self.name,
            key=trigger.key,
            intention=Intention.ENTER,
            side=trigger.side,
            signal_id=f"{self.name}:{trigger.key}:{end:%Y%m%dT%H%M%SZ}:{trigger.kind.value}",
            at=end,
            stop_price=self._terms.stop(close, trigger.side.sign),
            target_price=target,
            conviction=trigger.score,
            note=f"{trigger.kind.value}: {trigger.text}",
            plan=Plan(target1=target),
            terms=self._terms,
        )

    def _leave(self, bar: Bar, view: StrategyView) -> list[Proposal]:
        """Out at the close of the bar that reached the target, again at every bar until it is flat."""
        if view.exit_working or view.holding is None:
            return []
        side = Side.BUY if view.quantity > 0 else Side.SELL
        target = view.holding.target1
        if target is None:  # taken over: its plan is lost, its entry price is not
            target = self._terms.target(view.holding.entry_price, side.sign)
        reached = bar.high >= target if side is Side.BUY else bar.low <= target
        if not reached:
            return []
        return [
            Proposal(
                strategy=self.name,
                key=bar.symbol,
                intention=Intention.EXIT,
                side=Side.SELL if side is Side.BUY else Side.BUY,
                signal_id=f"{self.name}:{bar.symbol}:{bar.end:%Y%m%dT%H%M%SZ}:target",
                at=bar.end,
                note=f"target {target:g} reached",
                reason=Reason.TARGET,
            )
        ]
