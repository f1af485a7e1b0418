"""Rivals in the champion's shadow: judged by what they said in time, and promoted where they are better."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import pytest

from engine.learning.challengers import ChallengerKind, RiverModel
from engine.learning.course import Course
from engine.learning.head import Head
from engine.learning.judge import Judge, JudgeSettings, Label, News, Said
from engine.learning.mixture import nested
from engine.learning.plain import StateError
from engine.learning.rivals import RivalReport, Takeover
from engine.learning.succession import HOUSE, Change, Succession
from tests.learning.worlds import SETS, STANDARD, Step, edge_world
from tests.strategy.learned_market import KEY, made, play, quotes

BLIND = {"blind": ["f1", "f4"]}
"""Features that know nothing: a champion who sees only these is beaten by whoever sees more."""
DELAY = 5
"""Decisions until an outcome is known."""


def succession(kinds: Sequence[str], *, sees: Mapping[str, Sequence[str]] = BLIND) -> Succession:
    return Succession(
        lambda: Head(nested(sees)),
        alpha=0.05,
        rival=lambda name: Head(RiverModel(ChallengerKind(name)), whole_labels=True),
        rivals=kinds,
    )


def taught(line: Succession, steps: Iterable[Step]) -> list[tuple[int, Change | Takeover]]:
    """Who came to power, and after how many labels."""
    found = []
    for event, step in enumerate(steps):
        change = line.learn(step.x, y=step.outcome > 0, said=line.forecast(step.x))
        if change is not None:
            found.append((event, change))
    return found


def judge(*kinds: ChallengerKind, sees: Mapping[str, Sequence[str]] = BLIND) -> Judge:
    return Judge(JudgeSettings(feature_sets=sees, appetite=STANDARD, rivals=kinds))


def lived(judge: Judge, steps: Sequence[Step], start: int = 0) -> list[tuple[int, News]]:
    """Every label due after a few decisions; what came of it."""
    owed, news = deque[tuple[int, Step, Said]](), []
    for event, step in enumerate(steps, start):
        claim, said = judge.claim(event, step.x, cost=0.1)
        judge.verdict(claim)
        judge.book(event, r=1.0 if claim.is_up == (step.outcome > 0) else -1.0, worst_r=1.0)
        owed.append((event, step, said))
        if len(owed) > DELAY:
            then, past, by = owed.popleft()
            heard = judge.learn(Label(past.x, by, past.outcome, then, then + 1.0))
            if heard != News():
                news.append((event, heard))
    return news


@pytest.mark.req("FUT-DO-3", "FUT-EDGE-6")
def test_a_rival_that_forecasts_better_beyond_chance_becomes_champion_and_the_old_one_its_rival() -> None:
    line = succession(["ftrl"])
    (found,) = taught(line, edge_world(7, 400, strength=2.5))

    event, told = found
    assert isinstance(told, Takeover)
    assert (told.name, told.former, told.labels) == ("ftrl", HOUSE, event + 1)
    assert told.loss < told.former_loss - 0.05
    assert 20 < event < 200
    assert (line.name, line.promotions) == ("ftrl", 1)
    (row,) = line.rivals.report()
    assert row.name == HOUSE
    assert row.contests > 1


@pytest.mark.req("FUT-DO-3", "FUT-EDGE-6")
def test_a_champion_who_is_right_keeps_its_place_and_every_lost_contest_asks_for_more() -> None:
    line = succession([one.value for one in ChallengerKind], sees=SETS)
    assert taught(line, edge_world(8, 700, strength=2.5)) == []

    assert line.name == HOUSE
    for row in line.rivals.report():
        assert row.needed == pytest.approx(3 * row.contests * (row.contests + 1) / 0.05)
        assert row.log_ratio < math.log(row.needed)
    assert max(row.contests for row in line.rivals.report()) > 1


@pytest.mark.req("FUT-EDGE-6")
def test_the_old_champion_learns_on_and_can_win_its_place_back() -> None:
    # First the champion is blind to what counts; then what it sees is all that counts, and turns over.
    line = succession(["sgd"], sees={"one": ["f1"]})
    steps = list(edge_world(9, 500, strength=2.5))
    assert [told.name for _, told in taught(line, steps) if isinstance(told, Takeover)] == ["sgd"]

    swapped = [one._replace(x={**one.x, "f1": 3.0 * one.outcome, "f0": 0.0, "f2": 0.0}) for one in steps]
    (back,) = [told for _, told in taught(line, swapped) if isinstance(told, Takeover)]
    assert (back.name, back.former) == (HOUSE, "sgd")
    assert line.name == HOUSE


@pytest.mark.req("FUT-EDGE-6")
def test_a_rival_is_judged_by_what_it_said_when_the_decision_was_taken() -> None:
    # Five decisions before the first label: all of them were forecast by somebody who knew nothing.
    watched = judge(ChallengerKind.SGD)
    lived(watched, list(edge_world(7, 2 * DELAY, strength=2.5)))
    (row,) = watched.direction.rivals.report()
    assert (row.labels, row.loss) == (DELAY, pytest.approx(math.log(2.0)))


@pytest.mark.req("FUT-EDGE-6", "FUT-F6")
def test_after_a_takeover_trust_begins_anew_and_people_hear_before_and_after() -> None:
    watched = judge(ChallengerKind.FTRL)
    news = lived(watched, list(edge_world(7, 400, strength=2.5)))
    ((event, heard),) = [one for one in news if one[1].takeover is not None]
    assert watched.gate.lives == 2
    assert heard.takeover is not None

    course = Course()
    (text,) = course.turn(float(event), gate_closed=False, news=[heard])
    assert text.startswith("ftrl takes the place of bayes: it forecasts better, beyond chance (log-loss 0.")
    assert text.endswith("outcomes); trust begins anew")
    (turn,) = course.turning_points
    assert (turn.what, turn.before, turn.after) == (
        "takeover",
        heard.takeover.former_loss,
        heard.takeover.loss,
    )


@pytest.mark.req("FUT-EDGE-6")
def test_an_alarm_challenges_a_champion_of_rivers_too_and_a_promoted_challenger_is_our_own_model() -> None:
    line = succession(["ftrl"])
    taught(line, edge_world(7, 400, strength=2.5))
    assert line.name == "ftrl"
    line._fresh = lambda: Head(nested(SETS))
    line.challenge()
    changes = taught(line, edge_world(10, 900, strength=3.5, flip_at=0))

    assert changes[0][1] is Change.PROMOTED
    assert line.name == HOUSE
    assert [row.name for row in line.rivals.report()] == ["ftrl"]


@pytest.mark.req("FUT-F5", "FUT-EDGE-6")
@pytest.mark.parametrize("at", [30, 300])
def test_champion_and_rivals_continue_exactly_after_a_restart(at: int) -> None:
    kinds, steps = tuple(ChallengerKind), list(edge_world(7, 420, strength=2.5))
    one, again = judge(*kinds), judge(*kinds)
    lived(one, steps[:at])
    assert (one.direction.name == HOUSE) is (at == 30)

    again.restore(json.loads(json.dumps(one.state(), allow_nan=False)))
    assert lived(one, steps[at:], at) == lived(again, steps[at:], at)
    assert one.direction.rivals.report() == again.direction.rivals.report()
    assert one.direction.forecast(steps[0].x) == again.direction.forecast(steps[0].x)
    assert one.gate.report() == again.gate.report()


@pytest.mark.req("FUT-F5")
def test_without_rivals_a_champion_of_theirs_gives_its_place_back_and_trust_begins_anew() -> None:
    before, after = judge(ChallengerKind.FTRL), judge()
    lived(before, list(edge_world(7, 400, strength=2.5)))
    learnt = before.direction.rivals.head_of(HOUSE)
    after.restore(json.loads(json.dumps(before.state())))

    assert learnt is not None
    assert after.direction.champion.state() == learnt.state()
    assert after.direction.name == HOUSE
    assert after.gate.lives == before.gate.lives + 1

    switched_on = judge(ChallengerKind.SGD)
    switched_on.restore(json.loads(json.dumps(after.state())))
    assert [row.labels for row in switched_on.direction.rivals.report()] == [0]


@pytest.mark.req("FUT-F5")
@pytest.mark.parametrize("kind", list(ChallengerKind))
def test_a_pipeline_of_river_is_written_down_as_plain_numbers_and_goes_on_exactly(
    kind: ChallengerKind,
) -> None:
    one, again = RiverModel(kind), RiverModel(kind)
    steps = list(edge_world(3, 200, strength=2.5))
    for step in steps[:100]:
        one.learn_one(step.x, step.outcome > 0)
    again.restore(json.loads(json.dumps(one.state(), allow_nan=False)))
    for step in steps[100:]:
        assert again.predict_proba_one(step.x) == one.predict_proba_one(step.x)
        one.learn_one(step.x, step.outcome > 0)
        again.learn_one(step.x, step.outcome > 0)
    assert again.state() == one.state()


@pytest.mark.req("FUT-F5")
def test_another_kinds_state_and_a_weight_that_is_no_number_are_refused() -> None:
    one = RiverModel(ChallengerKind.SGD)
    one.learn_one({"f0": 1.0}, True)
    with pytest.raises(StateError, match="it is sgd's, not ftrl's"):
        RiverModel(ChallengerKind.FTRL).restore(one.state())
    with pytest.raises(StateError, match="weights holds a number that is not finite"):
        one.restore({**one.state(), "weights": {"f0": math.inf}})


@pytest.mark.req("FUT-DO-3")
def test_the_strategy_does_what_it_does_while_rivals_only_watch() -> None:
    tape = list(quotes(3, 300, leaning=0.5))
    alone, watched_by = made(), made(rivals=True)

    wished = play(alone, iter(tape)).entries
    assert wished == play(watched_by, iter(tape)).entries
    assert wished
    rows: Sequence[RivalReport] = watched_by.contracts[KEY].trader.judge.direction.rivals.report()
    assert [row.name for row in rows] == [kind.value for kind in ChallengerKind]
    assert watched_by.contracts[KEY].trader.judge.direction.name == HOUSE
