"""Counts where each instrument's way from universe to order ended in a cycle: why nothing happened.

Nothing is counted per tick. What came to the gate leaves a note on the desk (`Pipeline`); where all the
others stand is asked once per cycle, and `stages_of` makes the table of it.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from engine.api_pipeline import Stage, StageView
from engine.domain.order import Proposal
from engine.domain.preview import EntryTicket
from engine.domain.reasons import Reason
from engine.risk.refusal import Refusal

ORDER: Final = tuple(Stage)

_SEES_NOTHING: Final = frozenset(
    {
        Reason.STRATEGY_OFF,
        Reason.WARMING_UP,
        Reason.IN_POSITION,
        Reason.NO_SETUP,
        Reason.NO_SIGNAL,
        Reason.NO_QUOTE,
    }
)
"""What a strategy waits for before it has seen anything; all else is a rule of its own that held it back."""


class Fate(NamedTuple):
    """Where one pair of strategy and instrument ended in a cycle."""

    stage: Stage | None
    """The stage that held it back; None where it went all the way."""
    code: str = ""


THROUGH: Final = Fate(None)
UNDER_WAY: Final = Fate(Stage.EXECUTION, Reason.UNDER_WAY.value)
"""Passed by the gate, and neither sent nor given up when the cycle ended: the next cycle tells."""


def waits(code: str) -> Fate:
    """The fate of one whose strategy proposed nothing and waits for this."""
    return Fate(Stage.TRIGGER if code in _SEES_NOTHING else Stage.RULES, code)


def stages_of(fates: Iterable[Fate], spent_ms: Mapping[Stage, float]) -> tuple[StageView, ...]:
    """The table of a cycle: what one stage let through is what the next one gets."""
    held: dict[Stage, Counter[str]] = {stage: Counter() for stage in ORDER}
    entered = 0
    for fate in fates:
        entered += 1
        if fate.stage is not None:
            held[fate.stage][fate.code] += 1
    rows = []
    for stage in ORDER:
        drops = held[stage]
        passed = entered - drops.total()
        most_first = tuple(sorted(drops.items(), key=lambda drop: (-drop[1], drop[0])))
        rows.append(StageView(stage, entered, passed, most_first, spent_ms.get(stage)))
        entered = passed
    return tuple(rows)


@dataclass(slots=True)
class Pipeline:
    """Notes of the running cycle, on the desk: written where things happen, taken once per cycle."""

    spent_ms: defaultdict[Stage, float] = field(default_factory=lambda: defaultdict(float))
    _fates: dict[tuple[str, str], Fate] = field(default_factory=dict)
    """(strategy, key) of each proposal -> how far it came."""
    _passed_s: dict[tuple[str, str], float] = field(default_factory=dict)
    """When the gate let it through (perf_counter)."""

    def judged(
        self, proposal: Proposal, verdict: EntryTicket | Refusal, *, began_s: float, ended_s: float
    ) -> None:
        """The gate has spoken; it took from `began_s` to `ended_s` (perf_counter)."""
        pair = proposal.strategy, proposal.key
        self.spent_ms[Stage.RISK] += 1000.0 * (ended_s - began_s)
        if isinstance(verdict, Refusal):
            self._note(pair, Fate(Stage.RISK, verdict.reason.value))
        else:
            self._passed_s[pair] = ended_s
            self._note(pair, UNDER_WAY)

    def sent(self, proposal: Proposal, held: str, *, is_stored: bool) -> None:
        """The sending of an entry ended: held back by `held`, or its bytes went out.

        Where the store takes no records (`is_stored` false), what went out waits in memory.
        """
        stage = Stage.EXECUTION if held or is_stored else Stage.STATE
        self.ended(proposal, held or ("" if is_stored else Reason.STORE_DOWN.value), stage=stage)

    def ended(self, proposal: Proposal, held: str = "", *, stage: Stage = Stage.EXECUTION) -> None:
        """An entry that the gate passed was sent and written down, or was held back at `stage` by `held`."""
        pair = proposal.strategy, proposal.key
        passed_s = self._passed_s.pop(pair, None)
        if passed_s is not None:
            self.spent_ms[Stage.EXECUTION] += 1000.0 * (time.perf_counter() - passed_s)
        self._note(pair, Fate(stage, held) if held else THROUGH)

    def take(self) -> tuple[dict[tuple[str, str], Fate], dict[Stage, float]]:
        """Fates and times since the last taking. What is under way is told again by the next."""
        fates, spent_ms = self._fates, dict(self.spent_ms)
        self._fates = {pair: fate for pair, fate in fates.items() if fate == UNDER_WAY}
        self.spent_ms.clear()
        return fates, spent_ms

    def _note(self, pair: tuple[str, str], fate: Fate) -> None:
        """Two proposals of one pair in one cycle: the one that came farther counts."""
        known = self._fates.get(pair)
        if known is None or known == UNDER_WAY or _way(fate) >= _way(known):
            self._fates[pair] = fate


def _way(fate: Fate) -> int:
    return len(ORDER) if fate.stage is None else ORDER.index(fate.stage)
