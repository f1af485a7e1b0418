"""All about each contract's model, as rows of the Model screen. Reading only; made anew after a decision."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from engine.api import ModelView
from engine.api_learning import (
    ConfidenceCell,
    ModelEvent,
    ModelState,
    ReliabilityBin,
    RivalView,
)
from engine.domain.market import utc
from engine.runtime.running import Running
from engine.strategy.learned import LearnedFutures

if TYPE_CHECKING:
    from engine.learning.confidence import Cell
    from engine.learning.evidence import EvidenceGate
    from engine.learning.insight import Insight
    from engine.learning.rivals import RivalReport
    from engine.strategy.learned_contract import LearnedContract

_CELL_DEPTHS: Final = (1, 2, 3)
MOST_LOG: Final = 700.0
"""Beyond it a ratio is no finite number."""
_ENDED_TRUST: Final = frozenset({"drift", "gate", "takeover"})


class ModelRows:
    """Remembers each contract's row until it has decided, learnt or traded again."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], tuple[object, ModelView]] = {}
        self._cells: dict[tuple[str, str], tuple[int, tuple[ConfidenceCell, ...]]] = {}

    def rows(self, all_running: Iterable[Running]) -> tuple[ModelView, ...]:
        """One row per contract that some strategy learns, in the order of its instruments."""
        learners = [(r, r.strategy) for r in all_running if isinstance(r.strategy, LearnedFutures)]
        return tuple([row for running, one in learners for row in self._of(running, one)])

    def _of(self, running: Running, strategy: LearnedFutures) -> Iterator[ModelView]:
        for key in strategy.keys:
            if off := running.off or running.off_at.get(key, ""):
                yield ModelView(strategy.name, key, ModelState.OFF, f"switched off: {off}")
                continue
            contract = strategy.contracts.get(key)
            if contract is None:
                yield ModelView(strategy.name, key, ModelState.WAITING, strategy.why_not(key).text)
                continue
            who, face = (strategy.name, key), _face(contract)
            known = self._rows.get(who)
            if known is None or known[0] != face:
                known = self._rows[who] = (
                    face,
                    model_view(strategy.name, contract, self._cells_of(who, contract)),
                )
            yield known[1]

    def _cells_of(self, who: tuple[str, str], contract: LearnedContract) -> tuple[ConfidenceCell, ...]:
        """They change with outcomes that do not overlap, and cost more than all the rest together."""
        insight = contract.trader.insight
        known = self._cells.get(who)
        if known is None or known[0] != insight.coverage.n:
            known = self._cells[who] = insight.coverage.n, cells_of(insight)
        return known[1]


def _face(contract: LearnedContract) -> object:
    """What a row depends on, cheap to compare."""
    trader = contract.trader
    counts = trader.decisions, trader.judge.labels, contract.live_trades, contract.explored
    return contract, counts, contract.why, contract.holds, contract.drift, trader.drawdown


def model_view(strategy: str, contract: LearnedContract, cells: tuple[ConfidenceCell, ...]) -> ModelView:
    """One contract, from its parts."""
    regime, half_hour = _place_of(contract)
    view = ModelView(
        strategy=strategy,
        symbol=contract.key,
        state=_state_of(contract),
        text=contract.words(),
        labels=contract.trader.judge.labels,
        least=contract.params.least_outcomes,
        floor=contract.appetite.floor,
        ceiling=contract.appetite.ceiling,
        live_trades=contract.live_trades,
        explored=contract.explored,
        open_share=contract.open_s / contract.judged_s if contract.judged_s else None,
        drawdown=contract.trader.drawdown,
        regime=regime,
        half_hour=half_hour,
        cells=cells,
    )
    return _with_past(_with_model(_with_evidence(_with_signal(view, contract), contract), contract), contract)


def _with_signal(view: ModelView, contract: LearnedContract) -> ModelView:
    """The last decision; nothing of it while there are too few outcomes to mean anything."""
    if contract.opinion is None:
        return view
    _, claim, verdict = contract.opinion
    if view.labels < view.least:
        return replace(view, cost_ticks=_known(claim.cost))
    return replace(
        view,
        direction=1 if claim.is_up else -1,
        probability=claim.p,
        p_needed=_known(verdict.p_needed),
        threshold=_known(verdict.threshold),
        p_move=claim.p_move,
        cost_ticks=_known(claim.cost),
        net_ticks=_known(claim.net),
    )


def _with_evidence(view: ModelView, contract: LearnedContract) -> ModelView:
    """What its shadow trades have proven, in the book that counts."""
    gate = contract.trader.judge.gate
    if not gate.report():
        return replace(view, lives=gate.lives)
    report, (low, high) = gate.report_of(gate.target), gate.record_of(gate.target).interval
    deflated, tries = luck_of(gate, contracts=contract.contracts)
    return replace(
        view,
        evidence=report.evidence,
        evidence_needed=_known(report.needed),
        progress=report.progress,
        lives=gate.lives,
        shadow_trades=report.trades,
        mean_r=_known(report.mean_r),
        mean_low=_known(low),
        mean_high=_known(high),
        deflated=deflated,
        tries=tries,
    )


def _with_model(view: ModelView, contract: LearnedContract) -> ModelView:
    """Drift, champion and challenger, and how honest it is."""
    judge, insight = contract.trader.judge, contract.trader.insight
    heads, drift, calibration = judge.direction, judge.drift, insight.calibration
    rival = heads.challenger is not None
    return replace(
        view,
        error_rate=_known(drift.error_rate),
        outcomes=drift.seen,
        alarms=drift.alarms,
        has_challenger=rival,
        ratio=math.exp(min(MOST_LOG, heads.log_ratio)) if rival else None,
        ratio_needed=1.0 / judge.gate.alpha if rival else None,
        promotions=heads.promotions,
        champion=heads.name,
        rivals=tuple([_rival(one) for one in heads.rivals.report()]),
        experts=tuple(heads.champion.model.shares.items()),
        brier=_known(calibration.brier),
        calibration_error=_known(calibration.error),
        coverage=_known(insight.coverage.share),
        bins=bins_of(insight),
    )


def _rival(one: RivalReport) -> RivalView:
    ratio = math.exp(min(MOST_LOG, one.log_ratio))
    losses = _known(one.loss), _known(one.champion_loss)
    return RivalView(one.name, one.labels, *losses, ratio, one.needed, one.contests)


def _with_past(view: ModelView, contract: LearnedContract) -> ModelView:
    """Confidence over time, and what ended trust."""
    points, turns = contract.course.points, contract.course.turning_points
    return replace(
        view,
        course=tuple([point.p for point in points]),
        course_from=utc(points[0].at) if points else None,
        course_to=utc(points[-1].at) if points else None,
        events=tuple(
            [ModelEvent(utc(t.at), t.what, t.text, _known(t.before), _known(t.after)) for t in turns]
        ),
    )


def _state_of(contract: LearnedContract) -> ModelState:
    judge = contract.trader.judge
    if contract.holds:
        explores = contract.asked is not None and contract.asked.explores
        return ModelState.EXPLORING if explores else ModelState.HELD
    if judge.labels < contract.params.least_outcomes:
        return ModelState.FEW
    if math.isfinite(judge.gate.threshold):
        return ModelState.OPEN
    ended = judge.gate.lives > 1 and any(one.what in _ENDED_TRUST for one in contract.course.turning_points)
    return ModelState.REVOKED if ended else ModelState.SHUT


def luck_of(gate: EvidenceGate, *, contracts: int) -> tuple[float | None, int]:
    """The deflated Sharpe ratio of the book that counts, and how many books were tried for it.

    A try is one book of one life of one contract: each could have been the one that looked best.
    """
    from engine.backtest.sharpe import Sharpe, deflated

    books = [gate.record_of(one.level) for one in gate.report()]
    tries = max(1, len(books)) * gate.lives * max(1, contracts)
    record = gate.record_of(gate.target)
    if not math.isfinite(record.sharpe):
        return None, tries
    tried = [one.sharpe for one in books if math.isfinite(one.sharpe)]
    error = record.sharpe_error if record.sharpe_error > 0.0 else None
    sharpe = Sharpe(record.sharpe, error, record.skew, record.kurtosis, record.n)
    return deflated(sharpe, tried=tried, unknown=max(0, tries - len(tried))), tries


def bins_of(insight: Insight) -> tuple[ReliabilityBin, ...]:
    """The bars of the reliability diagram that have outcomes."""
    return tuple([ReliabilityBin(*one) for one in insight.calibration.diagram()])


def cells_of(insight: Insight) -> tuple[ConfidenceCell, ...]:
    """The contract, its regimes, their half-hours, each with what it leans on."""
    found: list[Cell] = [cell for depth in _CELL_DEPTHS for cell in insight.table.cells(depth)]
    return tuple([_cell(one) for one in found])


def _cell(one: Cell) -> ConfidenceCell:
    regime, half_hour = place_in(one.path)
    return ConfidenceCell(regime, half_hour, int(one.n), one.p, one.low, one.high)


def place_in(path: Sequence[str]) -> tuple[str, int | None]:
    """Regime and half-hour of a path."""
    regime = path[1] if len(path) > 1 else ""
    half_hour = int(path[2]) if len(path) > 2 and path[2].isdigit() else None
    return regime, half_hour


def _place_of(contract: LearnedContract) -> tuple[str, int | None]:
    """The cell of the last decision."""
    if contract.opinion is None:
        return "", None
    past, stream = contract.opinion.decision, contract.trader.stream
    return place_in(contract.trader.insight.path_of(past.features, past.at, stream.opens_at))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
