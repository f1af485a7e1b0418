"""The nine goals of the learned trader over many worlds and whole recorded days; each with its figures."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np

from engine.learning.appetite import APPETITES, AppetiteName
from tests.learning import composition, placebo
from tests.learning.real import DATA, DAYS, run
from tests.learning.worlds import HORIZON, Played, Player, calibration_error, edge_world, null_world

PARTS = ("null", "edge", "flip", "cost", "days", "placebo", "speed")
COMPOSED = ("turn", "end", "steady", "flat")
"""Parts of the same promises with the whole strategy in the loop."""
TURNS_S, AFTER_S = 1500.0, 1700.0
FLIP_STRENGTH = 2.7
"""About .36 R per live trade before the flip."""


class Goal(NamedTuple):
    """One goal: what was measured and whether it was reached."""

    name: str
    reached: bool
    figures: str


class World(NamedTuple):
    """One world to be played in a process of its own."""

    kind: str
    seed: int
    events: int
    strength: float
    cost: float
    appetite: AppetiteName = AppetiteName.STANDARD


def play(world: World) -> Played:
    """Play one world."""
    appetite = APPETITES[world.appetite]
    if world.kind == "null":
        return Player(appetite, overlap=HORIZON).play(null_world(world.seed, world.events, cost=world.cost))
    half = world.events // 2
    costs: Callable[[int], float] | None = None
    if world.kind == "cost":
        third = world.events // 3
        costs = lambda event: 1.05 if third <= event < 2 * third else world.cost  # noqa: E731
    steps = edge_world(
        world.seed,
        world.events,
        strength=world.strength,
        cost=world.cost,
        flip_at=half if world.kind == "flip" else None,
        cost_at=costs,
    )
    return Player(appetite).play(steps)


def played(worlds: Sequence[World], *, jobs: int) -> Iterable[Played]:
    """Every world, in order."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(play, worlds, chunksize=4)


def null_goal(seeds: range, *, events: int, jobs: int) -> Iterable[Goal]:
    """Share of worlds without an edge in which it ever traded."""
    for name in (AppetiteName.CAUTIOUS, AppetiteName.STANDARD):
        alpha = APPETITES[name].alpha
        for cost in (0.4, 0.0):
            worlds = [World("null", seed, events, 0.0, cost, name) for seed in seeds]
            share = float(np.mean([bool(one.live) for one in played(worlds, jobs=jobs)]))
            bound = alpha + 2 * math.sqrt(alpha * (1 - alpha) / len(worlds))
            figures = f"{share:.3f} of {len(worlds)} ever traded, bound {bound:.3f}"
            yield Goal(f"null alpha {alpha} cost {cost}", share <= bound, figures)


_SHOWN = ("shown", "known", "perfect")


def _errors(shown: Sequence[Sequence[tuple[float, float]]]) -> tuple[float, float]:
    """Mean and worst calibration error; 0 where no world was long enough to say."""
    errors = [calibration_error(one) for one in shown] or [0.0]
    return float(np.mean(errors)), max(errors)


def edge_goal(seeds: range, *, events: int, jobs: int) -> Iterable[Goal]:
    """Net against the same forecasts traded at the true break-even; calibration after 5,000 labels."""
    for strength in (1.5, 2.5, 4.0):
        worlds = [World("edge", seed, events, strength, 0.4) for seed in seeds]
        all_played = list(played(worlds, jobs=jobs))
        edge = float(np.mean([one.oracle / events for one in all_played]))
        share = sum(one.net for one in all_played) / sum(one.naive for one in all_played)
        losing = float(np.mean([one.net < 0 for one in all_played]))
        honest = [one for one in all_played if len(one.shown) > 500]
        seen, known, chance = (_errors([getattr(one, name) for one in honest]) for name in _SHOWN)
        reached = share >= 0.85 and losing <= 0.05 and seen[0] <= 0.02 and known[1] <= 0.02
        figures = (
            f"net {100 * share:.0f} % of break-even rule, losing worlds {losing:.2f}, ECE mean {seen[0]:.3f} "
            f"worst {seen[1]:.3f} (the truth's own {chance[0]:.3f} and {chance[1]:.3f}), against "
            f"true chances mean {known[0]:.3f} worst {known[1]:.3f}, n {len(worlds)}"
        )
        yield Goal(f"edge, oracle {edge:.3f}", reached, figures)


class Flip(NamedTuple):
    """What a flip cost."""

    trades: int
    loss: float
    reopened_after: float
    early_alarms: int
    edge: float


def flip_of(one: Played, half: int) -> Flip:
    """Trades from the flip to zero exposure, worst loss, and events until it opened again."""
    shut = next((event for event in one.closed if event >= half), math.inf)
    after = [r for event, r in one.live if event >= half]
    again = next((event for event in one.opened if event > shut), math.inf)
    return Flip(
        trades=sum(half <= event < shut for event, _ in one.live),
        loss=float(min(0.0, np.cumsum(after).min())) if after else 0.0,
        reopened_after=again - shut if again < math.inf else math.inf,
        early_alarms=sum(event < half for event in one.alarms),
        edge=float(np.mean([r for event, r in one.live if event < half])),
    )


def flip_goal(seeds: range, *, events: int, jobs: int) -> list[Goal]:
    """The signal turns at half time."""
    worlds = [World("flip", seed, events, FLIP_STRENGTH, 0.4) for seed in seeds]
    flips = [flip_of(one, events // 2) for one in played(worlds, jobs=jobs)]
    trades = float(np.median([one.trades for one in flips]))
    loss = float(np.percentile([one.loss for one in flips], 5))
    reopened = [one.reopened_after for one in flips]
    early = sum(one.early_alarms for one in flips)
    edge = float(np.mean([one.edge for one in flips]))
    figures = (
        f"edge {edge:.2f} R: median {trades:.0f} trades, p95 loss {loss:.1f} R, reopened after median "
        f"{np.median(reopened):.0f} (p95 {np.percentile(reopened, 95):.0f}) events, {early} early alarms, "
        f"n {len(flips)}"
    )
    quick = trades <= 12 and loss >= -15.0 and float(np.median(reopened)) <= 1200
    return [Goal("flip", quick and early == 0, figures)]


def cost_goal(seeds: range, *, events: int, jobs: int) -> list[Goal]:
    """Costs rise above every edge for a third of the time and fall again."""
    worlds = [World("cost", seed, events, FLIP_STRENGTH, 0.4) for seed in seeds]
    third = events // 3
    counts = [
        [sum(part <= e < part + third for e, _ in one.live) for part in (0, third, 2 * third)]
        for one in played(worlds, jobs=jobs)
    ]
    during = sum(row[1] for row in counts)
    back = float(np.mean([row[2] > 0 for row in counts]))
    figures = f"{during} trades while too dear, {100 * back:.0f} % trade again, n {len(worlds)}"
    return [Goal("cost", during == 0 and back == 1.0, figures)]


def lived(worlds: Sequence[composition.World], *, jobs: int) -> list[composition.Lived]:
    """Every world with the strategy in the loop, in order."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return list(pool.map(composition.live, worlds, chunksize=2))


def _turns(seeds: range, *, then: float, jobs: int) -> list[composition.Turned]:
    worlds = [composition.World(seed, TURNS_S + AFTER_S, composition.EDGE, TURNS_S, then) for seed in seeds]
    found = [composition.turned(*both) for both in zip(worlds, lived(worlds, jobs=jobs), strict=True)]
    return [one for one in found if one.opened]


def _counts(found: Sequence[composition.Turned]) -> str:
    trades, shut = [one.trades for one in found], [one.shut_s for one in found]
    return (
        f"trades median {np.median(trades):.0f} p95 {np.percentile(trades, 95):.0f} worst {max(trades)}, "
        f"shut after median {np.median(shut):.0f} s"
    )


def turn_goal(seeds: range, *, jobs: int) -> list[Goal]:
    """The edge turns over while the strategy trades it."""
    found = _turns(seeds, then=-composition.EDGE, jobs=jobs)
    trades = [one.trades for one in found]
    loss, edge = float(np.percentile([one.loss_r for one in found], 5)), np.mean([o.edge_r for o in found])
    again = [one.reopened_s for one in found]
    early = sum(one.early_alarms for one in found)
    reached = float(np.median(trades)) <= 12 and loss >= -15.0 and float(np.median(again)) <= 1200
    figures = (
        f"edge {edge:.2f} R: {_counts(found)}, p95 loss {loss:.1f} R, "
        f"reopened after median {np.median(again):.0f} s ({np.mean(np.isfinite(again)):.0%} within "
        f"{AFTER_S:.0f} s), {early} early alarms, {len(found)} of {len(seeds)} worlds had opened"
    )
    return [Goal("strategy: turn", reached and early == 0, figures)]


def end_goal(seeds: range, *, jobs: int) -> list[Goal]:
    """The edge ends, and trading costs what it costs."""
    found = _turns(seeds, then=0.0, jobs=jobs)
    loss = float(np.percentile([one.loss_r for one in found], 5))
    figures = f"{_counts(found)}, p95 loss {loss:.1f} R, {len(found)} of {len(seeds)} worlds had opened"
    return [Goal("strategy: end", loss >= -15.0, figures)]


def steady_goal(seeds: range, *, jobs: int) -> list[Goal]:
    """Nothing turns for 6,000 seconds: no alarm."""
    all_lived = lived([composition.World(one, 6000.0, composition.EDGE) for one in seeds], jobs=jobs)
    alarms = sum(len(one.alarms) for one in all_lived)
    nets = [sum(trade.net_ticks for trade in one.trades) for one in all_lived]
    figures = (
        f"{alarms} alarms, {float(np.mean([net < 0 for net in nets])):.0%} of worlds lost, mean net "
        f"{np.mean(nets):.0f} ticks, n {len(all_lived)}"
    )
    return [Goal("strategy: steady", alarms == 0, figures)]


def flat_goal(seeds: range, *, events: int, jobs: int) -> list[Goal]:
    """Nothing pushes the price: no trade."""
    all_lived = lived([composition.World(one, float(events), 0.0) for one in seeds], jobs=jobs)
    share = float(np.mean([bool(one.trades) for one in all_lived]))
    alpha = APPETITES[AppetiteName.STANDARD].alpha
    bound = alpha + 2 * math.sqrt(alpha * (1 - alpha) / len(seeds))
    figures = f"{share:.3f} of {len(all_lived)} ever traded, bound {bound:.3f}"
    return [Goal("strategy: flat", share <= bound, figures)]


def day_goal() -> list[Goal]:
    """Recorded large-tick days, whole: against queue imbalance alone, at the cost of crossing the spread."""
    goals = []
    for symbol, horizon_s in (("AIG", 5.0), ("BAC", 10.0)):
        one = run(symbol, DAYS, horizon_s=horizon_s, fees_ticks=0.3)
        better = one.loss("queue") - one.loss("mixed")
        figures = (
            f"log-loss {one.loss('mixed'):.4f}, queue alone {one.loss('queue'):.4f} ({better:+.4f}), "
            f"ECE {calibration_error(one.shown):.3f}, {one.alarms} alarms, opened {one.opened}, "
            f"{len(one.shown)} labels of {one.trader.decisions} decisions"
        )
        goals.append(Goal(f"{symbol} {horizon_s:.0f} s", better >= 0.005 and not one.opened, figures))
    return goals


def placebo_goal(*, jobs: int) -> list[Goal]:
    """Features of one day at another day's prices open nothing; at its own, and at no cost, they do."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        false = list(pool.map(_placebo, placebo.pairs()))
        true = pool.submit(_placebo, ("AIG", DAYS[0], DAYS[0], 5.0)).result()
    opened = sum(one.opened for one in false)
    return [
        Goal("placebo days", opened == 0, f"{opened} of {len(false)} opened at no cost"),
        Goal(
            "the same at its own prices", true.opened, f"opened, mean {true.mean_ticks:+.3f} ticks mid to mid"
        ),
    ]


def _placebo(pair: tuple[str, date, date, float]) -> placebo.Result:
    symbol, seen, paid, horizon_s = pair
    return placebo.play(symbol, seen, paid, horizon_s=horizon_s)


def speed_goal() -> list[Goal]:
    """One decision and one label of the whole judge, in CPU time: a busy machine is not its fault."""
    player, took = Player(), []
    for event, step in enumerate(edge_world(1, 3000, strength=FLIP_STRENGTH)):
        began = time.thread_time_ns()
        player.turn(event, step)
        took.append((time.thread_time_ns() - began) / 1e3)
    middle, late = (float(np.percentile(took, q)) for q in (50, 99))
    return [
        Goal("decide and learn", late < 1000.0, f"p50 {middle:.0f} us, p99 {late:.0f} us of CPU together")
    ]


def goals(seeds: range, *, events: int, jobs: int, only: Sequence[str]) -> Iterable[Goal]:
    """Every goal that was asked for."""
    parts: dict[str, Callable[[], Iterable[Goal]]] = {
        "null": lambda: null_goal(seeds, events=events, jobs=jobs),
        "edge": lambda: edge_goal(seeds, events=events, jobs=jobs),
        "flip": lambda: flip_goal(seeds, events=events, jobs=jobs),
        "cost": lambda: cost_goal(seeds, events=events, jobs=jobs),
        "days": day_goal,
        "placebo": lambda: placebo_goal(jobs=jobs),
        "speed": speed_goal,
        "turn": lambda: turn_goal(seeds, jobs=jobs),
        "end": lambda: end_goal(seeds, jobs=jobs),
        "steady": lambda: steady_goal(seeds[:16], jobs=jobs),
        "flat": lambda: flat_goal(seeds, events=events, jobs=jobs),
    }
    for name in only:
        part = parts[name]
        if name in {"days", "placebo"} and not DATA.is_dir():
            yield Goal(name, True, f"left out: no recorded data at {DATA}")
            continue
        yield from part()
