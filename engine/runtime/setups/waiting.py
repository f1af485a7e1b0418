"""Why each instrument is not traded now, in words: made once per news, not once per snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.api import WhyNot
from engine.api_pipeline import Stage
from engine.domain.reasons import Reason
from engine.runtime.desk import Block, Desk
from engine.runtime.running import Running
from engine.runtime.selection.pipeline import Fate, waits
from engine.runtime.selection.thinness import too_thin
from engine.strategy.base import Waiting

REFUSAL_SHOWN_S = 60.0
"""Exchange seconds for which a refusal is the answer to "why no trade"."""

_FAILED = Waiting(Reason.STRATEGY_OFF, "it failed when it was asked")


class WhyRows:
    """The rows of all strategies; what a strategy says again is not written again."""

    def __init__(self, desk: Desk, *, failed: Callable[[Running, str, Exception], None]) -> None:
        """`failed` takes the error of a strategy that fails where it is asked."""
        self._desk, self._failed = desk, failed
        self._said: dict[tuple[str, str], tuple[Waiting, WhyNot]] = {}
        """(strategy, key) -> what the strategy said last, and its row."""

    def rows(self, all_running: Iterable[Running]) -> tuple[WhyNot, ...]:
        """Per instrument that is not held: the latest refusal, else what its strategy waits for."""
        rows: list[WhyNot] = []
        position = self._desk.books.position
        for running in all_running:
            block = self._desk.strategy_block(running.strategy.name)
            free = [key for key in sorted(running.keys) if position(key) is None]
            rows += [self._why(running, key, block) for key in free]
        return tuple(rows)

    def standing(self, all_running: Iterable[Running]) -> dict[tuple[str, str], Fate]:
        """(strategy, key) -> at which stage it is held back now, past refusals left out."""
        found = {}
        for running in all_running:
            name = running.strategy.name
            block = self._desk.strategy_block(name)
            for key in running.keys:
                found[name, key] = self._stands(running, name, key, block)
        return found

    def _stands(self, running: Running, name: str, key: str, block: Block | None) -> Fate:
        left_out = self._desk.inputs.excluded.get(key)
        if left_out is not None:
            return Fate(Stage.UNIVERSE, left_out.reason.value)
        if running.off or key in running.off_at or block is not None:
            return waits(Reason.STRATEGY_OFF.value)
        if self._desk.books.position(key) is not None:
            return waits(Reason.IN_POSITION.value)
        if key not in running.warm:
            return waits(Reason.WARMING_UP.value)
        return waits(self._waits(running, name, key).code)

    def _why(self, running: Running, key: str, block: Block | None) -> WhyNot:
        desk, name = self._desk, running.strategy.name
        off = running.off or running.off_at.get(key, "") or (block.text if block else "")
        if off:
            return WhyNot(key, name, Reason.STRATEGY_OFF.value, off)
        left_out = desk.inputs.excluded.get(key)
        if left_out is not None:
            return WhyNot(key, name, left_out.reason.value, left_out.text)
        if key not in running.warm:
            return WhyNot(key, name, Reason.WARMING_UP.value, running.waits_for(key))
        refusal = desk.why_not.get((name, key))
        if refusal is not None and self._is_recent(refusal):
            return refusal
        thin = too_thin(desk, key)
        return WhyNot(key, name, Reason.ILLIQUID.value, thin) if thin else self._waits(running, name, key)

    def _waits(self, running: Running, name: str, key: str) -> WhyNot:
        waiting = _FAILED
        try:
            waiting = running.strategy.why_not(key)
        except Exception as err:  # noqa: BLE001 - one strategy's error must not cost the snapshot
            self._failed(running, key, err)
        known = self._said.get((name, key))
        # Identity first, as a rule: a strategy that has nothing new to say says the very same.
        if known is None or known[0] != waiting:
            row = WhyNot(key, name, waiting.code.value, waiting.text)
            known = self._said[name, key] = waiting, row
        return known[1]

    def _is_recent(self, refusal: WhyNot) -> bool:
        """A refusal tells about the present only for a while; then what the strategy waits for does."""
        return refusal.at is not None and (self._desk.now() - refusal.at).total_seconds() < REFUSAL_SHOWN_S
