"""Changes while it runs: what tightens acts at once, what loosens only confirmed and durable."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from engine.api import Command, CommandKind, Outcome, Scope, ScopeKind
from engine.api_selection import RegimeRow
from engine.config import Config, StrategySection
from engine.config.overrides import read_overrides
from engine.domain.order import Role
from engine.domain.reasons import Reason
from engine.runtime.adjust.adjustments import Adjustments
from engine.runtime.adjust.look_back import LookBack
from tests.builders import proposal
from tests.execution.rig import Rig, rig
from tests.virtual_time import pass_time, virtual

RISK, MOST = "risk.risk_per_trade_pct", "risk.max_positions"
STRATEGY = Scope(ScopeKind.STRATEGY, "cross")
_ids = count(1)


def _adjustments(here: Rig, folder: Path) -> Adjustments:
    return Adjustments(
        here.desk,
        audit=here.store.audit,
        overrides=folder / "over.toml",
        loaded=frozenset({"cross"}),
        past=LookBack(here.desk, path=here.store.path),
    )


def _set(key: str, value: float | None, **more: object) -> Command:
    command = Command(f"a{next(_ids)}", CommandKind.SET_VALUE, target=key, value=value)
    return replace(command, **more)  # type: ignore[arg-type]  # names are the dataclass's


def _switch(target: str, *, scope: Scope = STRATEGY, confirmed: bool = False) -> Command:
    return Command(f"a{next(_ids)}", CommandKind.SWITCH, scope=scope, target=target, confirmed=confirmed)


def _said(outcome: Outcome) -> tuple[str, str]:
    return outcome.status.value, outcome.code


# --- limits -------------------------------------------------------------------------------------


@virtual
@pytest.mark.req("REQ-CFG-002", "CARD-RISK")
async def test_lower_acts_at_once_and_higher_only_with_a_second_yes(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        it = _adjustments(here, tmp_path)

        lower = await it.set_value(_set(RISK, 0.4))
        asked = await it.set_value(_set(RISK, 0.6))
        assert here.desk.limits().risk_per_trade_pct == 0.4
        higher = await it.set_value(_set(RISK, 0.6, confirmed=True, reason="calm day", who="shell uid 7"))

        assert (_said(lower), _said(asked), _said(higher)) == (
            ("done", ""),
            ("refused", "confirmation"),
            ("done", ""),
        )
        assert higher.text == f"{RISK}: 0.4 → 0.6 (calm day)"
        assert here.desk.limits().risk_per_trade_pct == 0.6
        told = await here.rows("SELECT who, key, old, new, reason FROM audit")
        assert told == [
            ("operator", RISK, "0.5", "0.4", ""),
            ("shell uid 7", RISK, "0.4", "0.6", "calm day"),
        ]


@virtual
async def test_what_was_changed_is_remembered_with_who_and_when(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        it = _adjustments(here, tmp_path)
        await it.set_value(_set(RISK, 0.4))
        await it.set_value(_set(MOST, 2.0, who="shell uid 7"))
        await it.switch(_switch("off"))

        found = read_overrides(tmp_path / "over.toml")

        assert found.values.tree == {"risk": {"risk_per_trade_pct": 0.4, "max_positions": 2}}
        assert [str(found.changed[key]) for key in (RISK, MOST)] == [
            "was 0.5, by operator, 2026-11-20 15:00 UTC",
            "was 3, by shell uid 7, 2026-11-20 15:00 UTC",
        ]
        assert list(found.switched_off) == ["cross"]
        assert (tmp_path / "over.toml").stat().st_mode & 0o777 == 0o600
        assert str(here.desk.overridden[MOST]) == str(found.changed[MOST])


@virtual
@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        (MOST, None, "out_of_bounds"),
        (MOST, 500.0, "out_of_bounds"),
        (MOST, 2.5, "out_of_bounds"),
        (RISK, float("nan"), "out_of_bounds"),
        ("connection.port", 1.0, "fixed_at_runtime"),
        ("strategies.cross.enabled", 0.0, "fixed_at_runtime"),
    ],
)
async def test_what_cannot_be_set_is_refused_and_changes_nothing(
    tmp_path: Path, key: str, value: float | None, code: str
) -> None:
    async with rig(tmp_path) as here:
        before = here.desk.config

        outcome = await _adjustments(here, tmp_path).set_value(_set(key, value, confirmed=True))

        assert _said(outcome) == ("refused", code)
        assert here.desk.config is before
        assert not (tmp_path / "over.toml").exists()


@virtual
async def test_loosening_is_refused_where_another_change_came_first_and_tightening_is_not(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        it = _adjustments(here, tmp_path)
        await it.set_value(_set(MOST, 1.0))

        looser = await it.set_value(_set(MOST, 4.0, seen=3.0, confirmed=True))
        same = await it.set_value(_set(MOST, 1.0, seen=3.0))

        assert _said(looser) == ("refused", "row_changed")
        assert "was 3 when you looked and is 1 now" in looser.text
        assert _said(same) == ("done", "")
        assert here.desk.limits().max_positions == 1


@virtual
async def test_a_change_that_cannot_be_saved_acts_where_it_tightens_and_not_where_it_loosens(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        nowhere = _adjustments(here, tmp_path / "no" / "such")

        tighter = await nowhere.set_value(_set(MOST, 2.0))
        looser = await nowhere.set_value(_set(MOST, 5.0, confirmed=True))

        assert (_said(tighter), _said(looser)) == (("failed", "store_down"),) * 2
        assert "acts now" in tighter.text
        assert "was not done" in looser.text
        assert here.desk.limits().max_positions == 2


# --- strategies ---------------------------------------------------------------------------------


@virtual
@pytest.mark.req("REQ-CFG-002")
async def test_a_strategy_that_is_off_sends_no_entry_and_its_position_is_managed_on(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        it = _adjustments(here, tmp_path)
        await here.enter()

        off = await it.switch(_switch("off"))

        assert off.text.startswith("cross: on → off")
        world = here.desk.gate_world(proposal(strategy="cross"), allow_short=True)
        assert world.blocked is Reason.STRATEGY_OFF
        assert "switched off by operator" in world.blocked_text
        assert here.desk.may_enter("cross", "SPY") is Reason.STRATEGY_OFF, "what is on its way is held back"
        assert here.desk.may_enter("other", "SPY") is None
        assert (await here.close()).status.value == "flat"
        await pass_time(0.1)
        assert here.broker.open(Role.STOP) == []


@virtual
async def test_a_strategy_goes_on_again_only_with_a_second_yes(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        it = _adjustments(here, tmp_path)
        await it.switch(_switch("off"))

        asked = await it.switch(_switch("on"))
        assert here.desk.may_enter("cross", "SPY") is Reason.STRATEGY_OFF
        on = await it.switch(_switch("on", confirmed=True))

        assert (_said(asked), _said(on)) == (("refused", "confirmation"), ("done", ""))
        assert here.desk.may_enter("cross", "SPY") is None
        assert read_overrides(tmp_path / "over.toml").switched_off == {}
        told = await here.rows("SELECT key, old, new FROM audit")
        assert told == [("strategy cross", "on", "off"), ("strategy cross", "off", "on")]


@virtual
@pytest.mark.parametrize(
    ("scope", "target", "words"),
    [
        (STRATEGY, "maybe", "expected a strategy, and on or off"),
        (Scope(), "off", "expected a strategy"),
        (Scope(ScopeKind.STRATEGY, "nope"), "off", "there are: cross"),
        (Scope(ScopeKind.STRATEGY, "asleep"), "on", "strategies.asleep.enabled = true"),
    ],
)
async def test_a_switch_of_what_is_not_loaded_is_refused_and_says_what_to_do(
    tmp_path: Path, scope: Scope, target: str, words: str
) -> None:
    async with rig(tmp_path) as here:
        asleep = StrategySection(kind="momentum", symbols=("SPY",), enabled=False)
        here.desk.config = Config(strategies={"asleep": asleep})

        outcome = await _adjustments(here, tmp_path).switch(_switch(target, scope=scope, confirmed=True))

        assert _said(outcome) == ("refused", "wrong_target")
        assert words in outcome.text


# --- the regime ---------------------------------------------------------------------------------


def _regime(word: str, *, confirmed: bool = False) -> Command:
    return Command(f"a{next(_ids)}", CommandKind.REGIME, target=word, confirmed=confirmed, who="shell uid 7")


@virtual
async def test_a_regime_that_narrows_acts_at_once_and_one_that_widens_only_with_a_second_yes(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as here:
        it = _adjustments(here, tmp_path)
        wish = proposal()

        crash = await it.say_regime(_regime("crash"))
        assert here.desk.gate_world(wish, allow_short=True).selection.regime_multiplier == 0.0
        asked = await it.say_regime(_regime("bull"))
        assert here.desk.gate_world(wish, allow_short=True).selection.regime_multiplier == 0.0
        bull = await it.say_regime(_regime("bull", confirmed=True))

        assert (_said(crash), _said(asked), _said(bull)) == (
            ("done", ""),
            ("refused", "confirmation"),
            ("done", ""),
        )
        assert crash.text == "regime.override: auto → crash, factor 1 → 0"
        assert here.desk.inputs.regime_multiplier == 1.2
        told = await here.rows("SELECT who, key, old, new FROM audit")
        assert told == [
            ("shell uid 7", "regime.override", "auto", "crash"),
            ("shell uid 7", "regime.override", "crash", "bull"),
        ]
        found = read_overrides(tmp_path / "over.toml")
        assert found.values.tree == {"regime": {"override": "bull"}}
        assert found.changed["regime.override"].who == "shell uid 7"


@virtual
async def test_taking_the_word_back_goes_to_what_was_detected(tmp_path: Path) -> None:
    async with rig(tmp_path) as here:
        it = _adjustments(here, tmp_path)
        await it.say_regime(_regime("bear"))
        here.desk.selection = replace(here.desk.selection, regime=RegimeRow(detected="crash"))

        outcome = await it.say_regime(_regime("auto"))

        assert outcome.text == "regime.override: bear → auto, factor 0.6 → 0"
        assert here.desk.inputs.regime_multiplier == 0.0
        assert _said(await it.say_regime(_regime("rain"))) == ("refused", "out_of_bounds")
