"""Scripted views of learned contracts: one of every state that the Model screen has to tell apart."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

from engine.api import ModelView, StrategyView
from engine.api_learning import (
    ConfidenceCell,
    ConfidenceView,
    ModelEvent,
    ModelState,
    ReliabilityBin,
    RivalView,
)
from tests.cockpit.scripted import NORMAL, NOW, ago

LEARNER = StrategyView("learner", "learned_futures", ("ES@CME", "NQ@CME", "ZN@CBOT"), "5s", "live")
CELLS = (
    ConfidenceCell("", None, 388, 0.62, 0.57, 0.67),
    ConfidenceCell("calm", None, 210, 0.60, 0.53, 0.66),
    ConfidenceCell("lively", None, 178, 0.64, 0.57, 0.71),
    ConfidenceCell("calm", 0, 190, 0.60, 0.53, 0.67),
    ConfidenceCell("calm", 1, 20, 0.61, 0.45, 0.74),
    ConfidenceCell("lively", 0, 150, 0.65, 0.57, 0.72),
    ConfidenceCell("lively", 1, 28, 0.63, 0.48, 0.76),
)
BINS = tuple(
    ReliabilityBin(claimed, came_true, n)
    for claimed, came_true, n in (
        (0.52, 0.51, 410), (0.57, 0.58, 620), (0.62, 0.61, 540), (0.67, 0.68, 310), (0.72, 0.71, 120),
        (0.77, 0.80, 44), (0.82, 0.79, 14),
    )
)  # fmt: skip
COURSE = tuple(0.56 + 0.06 * math.sin(n / 9.0) + 0.0005 * n for n in range(120))
PROVEN = ModelView(
    strategy="learner",
    symbol="ESH6",
    state=ModelState.OPEN,
    text="not sure enough, open 12% of the time",
    labels=2058,
    least=30,
    direction=1,
    probability=0.61,
    p_needed=0.579,
    threshold=0.579,
    floor=0.52,
    ceiling=0.85,
    p_move=0.71,
    cost_ticks=1.2,
    net_ticks=0.14,
    evidence=412.0,
    evidence_needed=40.0,
    progress=1.0,
    shadow_trades=133,
    live_trades=7,
    explored=2,
    mean_r=0.12,
    mean_low=0.05,
    mean_high=0.19,
    deflated=0.91,
    tries=14,
    open_share=0.12,
    error_rate=0.38,
    outcomes=388,
    brier=0.232,
    calibration_error=0.013,
    coverage=0.801,
    experts=(("queue", 0.08), ("l1", 0.71), ("l1+l2", 0.21)),
    regime="lively",
    half_hour=1,
    bins=BINS,
    cells=CELLS,
    course=COURSE,
    course_from=ago(2400),
    course_to=ago(20),
)
TURNED = replace(
    PROVEN,
    symbol="NQH6",
    state=ModelState.REVOKED,
    text="nothing is proven: evidence 1.3 of 240 needed, 9 shadow trades",
    direction=-1,
    probability=0.55,
    p_needed=None,
    threshold=None,
    evidence=1.3,
    evidence_needed=240.0,
    progress=0.05,
    lives=2,
    shadow_trades=9,
    mean_r=-0.02,
    mean_low=-0.31,
    mean_high=0.27,
    deflated=0.21,
    drawdown=0.4,
    error_rate=0.61,
    outcomes=23,
    alarms=1,
    has_challenger=True,
    ratio=3.1,
    ratio_needed=20.0,
    events=(
        ModelEvent(
            NOW - timedelta(seconds=312),
            "drift",
            "drift (errors: 0.36 before, 0.64 now, 171 outcomes), trust revoked; a challenger learns",
            0.36,
            0.64,
        ),
    ),
)
CONTESTED = replace(
    PROVEN,
    champion="ftrl",
    promotions=1,
    experts=(("ftrl", 1.0),),
    rivals=(
        RivalView("bayes", 171, 0.642, 0.611, 0.2, 360.0, 2),
        RivalView("sgd", 171, None, None, 1.0, 360.0, 2),
    ),
)
FEW = ModelView(
    strategy="learner",
    symbol="ZNH6",
    state=ModelState.FEW,
    text="not enough data: 4 of 30 outcomes",
    labels=4,
    least=30,
    floor=0.52,
    ceiling=0.85,
    open_share=0.0,
    regime="calm",
    half_hour=0,
    cells=(ConfidenceCell("", None, 1, 0.5, 0.2, 0.8),),
)
ROWS = tuple(
    ConfidenceView(
        one.symbol,
        one.direction,
        one.probability,
        one.threshold,
        one.labels,
        one.text,
        evidence=one.evidence,
        evidence_needed=one.evidence_needed,
        shadow_trades=one.shadow_trades,
        live_trades=one.live_trades,
        explored=one.explored,
        drift=one.events[-1].text if one.events else "",
    )
    for one in (PROVEN, TURNED, FEW)
)
LEARNING = replace(
    NORMAL,
    models=(PROVEN, TURNED, FEW),
    confidence=ROWS,
    strategies=(*NORMAL.strategies, LEARNER),
)
OFF = replace(FEW, state=ModelState.OFF, text="switched off: 3 errors in a row, the last: division by zero")
MODEL_STATES = {
    "empty": NORMAL,
    "learning": LEARNING,
    "braked": replace(LEARNING, entries_allowed=False, entries_text="halted"),
    "broken": replace(LEARNING, models=(OFF,), as_of=ago(42)),
}
