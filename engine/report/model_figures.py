"""What a store says of everything that was learnt, as plain figures. None where there is not enough data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.learning import plain
from engine.learning.confidence import Calibration, Cell
from engine.learning.course import Course
from engine.learning.drift import DriftWatch
from engine.learning.estimator import Plain
from engine.learning.evidence import EvidenceGate
from engine.learning.insight import Insight
from engine.learning.record import TradeRecord
from engine.learning.succession import HOUSE
from engine.store.learning_record import ContractRecord

ENOUGH: Final = 30
"""Outcomes below which a share of them may be chance."""
_DEPTHS: Final = (1, 2, 3)


def contract_figures(
    record: ContractRecord, state: Mapping[str, Plain] | None, trouble: str
) -> dict[str, Any]:
    """One contract: figures of its record, and of its model where one can be believed.

    `trouble` says why the stored model cannot be. Raises StateError where the state is not a model's.
    """
    return {
        "strategy": record.strategy,
        "key": record.key,
        "decisions": record.decisions,
        "first_at": record.first_at,
        "last_at": record.last_at,
        "reliability": _reliability(record),
        "shadow": _shadow(record),
        "live": _live(record),
        "trouble": trouble,
        "model": None if state is None else _model(record.key, state),
    }


def _reliability(record: ContractRecord) -> dict[str, Any]:
    calibration = Calibration()
    for one in record.judged:
        calibration.learn(one.p, is_right=one.is_right)
    return {
        "n": calibration.n,
        "brier": _known(calibration.brier),
        "error": _known(calibration.error),
        "bins": [one._asdict() for one in calibration.diagram()],
    }


def _shadow(record: ContractRecord) -> dict[str, Any]:
    """Of every decision, whether its claim was good enough or not: what trading all of them would net."""
    nets = TradeRecord()
    for one in record.booked:
        nets.add(one.net_ticks)
    return {"n": nets.n, "mean_ticks": nets.mean if nets.n else None}


def _live(record: ContractRecord) -> dict[str, Any]:
    nets = [float(trade.net_usd) for trade in record.trades]
    return {
        "n": len(nets),
        "net_usd": math.fsum(nets) if nets else None,
        "mean_usd": math.fsum(nets) / len(nets) if nets else None,
        "won": sum(1 for net in nets if net > 0.0),
    }


def _model(key: str, state: Mapping[str, Plain]) -> dict[str, Any]:
    """What the newest model says of itself."""
    trader, counts = plain.table(state, "trader"), plain.table(state, "counts")
    judge = plain.table(trader, "judge")
    insight, drift, course = Insight(key), DriftWatch(), Course()
    insight.restore(plain.table(trader, "insight"))
    drift.restore(plain.table(judge, "drift"))
    if "course" in state:
        course.restore(plain.table(state, "course"))
    heads = plain.table(judge, "direction")
    judged_s = plain.number(counts, "judged_s")
    return {
        "labels": plain.whole(judge, "labels"),
        "live_trades": plain.whole(counts, "live"),
        "explored": plain.whole(counts, "explored"),
        "open_share": plain.number(counts, "open_s") / judged_s if judged_s else None,
        "evidence": _evidence(plain.table(judge, "gate")),
        "alarms": drift.alarms,
        "outcomes": drift.seen,
        "error_rate": _known(drift.error_rate),
        "champion": plain.text(heads, "name") if "name" in heads else HOUSE,
        "has_challenger": heads.get("challenger") is not None,
        "promotions": plain.whole(heads, "promotions"),
        "coverage": _known(insight.coverage.share),
        "cells": [_cell(one) for depth in _DEPTHS for one in insight.table.cells(depth)],
        "events": [
            {**one._asdict(), "before": _known(one.before), "after": _known(one.after)}
            for one in course.turning_points
        ],
    }


def _evidence(state: Mapping[str, Plain]) -> dict[str, Any]:
    gate = EvidenceGate(alpha=plain.number(state, "alpha"))
    gate.restore(state)
    found: dict[str, Any] = {"lives": gate.lives, "is_open": math.isfinite(gate.threshold), "books": []}
    for one in gate.report():
        record = gate.record_of(one.level)
        low, high = record.interval
        found["books"].append(
            {
                "level": one.level,
                "evidence": one.evidence,
                "needed": _known(one.needed),
                "trades": one.trades,
                "mean_r": _known(one.mean_r),
                "low": _known(low),
                "high": _known(high),
                "sharpe": _known(record.sharpe),
                "is_open": one.is_open,
                "counts": one.level == gate.target,
            }
        )
    return found


def _cell(one: Cell) -> dict[str, Any]:
    regime = one.path[1] if len(one.path) > 1 else ""
    half_hour = one.path[2] if len(one.path) > 2 else ""
    return {
        "regime": regime,
        "half_hour": int(half_hour) if half_hour.isdigit() else None,
        "n": int(one.n),
        "share": one.p,
        "low": one.low,
        "high": one.high,
        "is_enough": one.n >= ENOUGH,
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def smooth(values: Sequence[float], *, points: int = 400) -> list[float]:
    """Means of so many even stretches: a page shows no more."""
    if len(values) <= points:
        return list(values)
    step = len(values) / points
    parts = [values[int(n * step) : max(int(n * step) + 1, int((n + 1) * step))] for n in range(points)]
    return [math.fsum(part) / len(part) for part in parts]
