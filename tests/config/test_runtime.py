"""The values an operator may change while it runs, and the file that remembers them."""

from __future__ import annotations

import os
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import (
    RUNTIME_KEYS,
    Changed,
    Config,
    ConfigError,
    RefusalCode,
    RuntimeRefusal,
    render,
    save_switch,
)
from engine.config.keys import leaves, value_at
from engine.config.overrides import read_overrides, save_override
from engine.config.runtime import checked_runtime, is_runtime, with_value, with_word
from tests.config.place import Place

ADJUSTABLE = {*RUNTIME_KEYS, "regime.override"}


@pytest.mark.req("REQ-CFG-002")
def test_risk_per_trade_and_max_positions_may_change() -> None:
    config = with_value(with_value(Config(), "risk.max_positions", 5.0), "risk.risk_per_trade_pct", 0.75)

    assert config.risk.max_positions == 5
    assert isinstance(config.risk.max_positions, int)
    assert config.risk.risk_per_trade_pct == 0.75
    assert config.connection == Config().connection


@pytest.mark.req("CARD-RISK", "REQ-CFG-002")
def test_the_caps_on_one_position_and_on_all_may_change() -> None:
    config = with_value(Config(), "risk.max_position_size_pct", 7.5)

    assert with_value(config, "risk.max_total_at_risk_pct", 20.0).risk.max_total_at_risk_pct == 20.0
    assert config.rules_fingerprint == Config().rules_fingerprint, "a key press voids no proof"


@pytest.mark.req("REQ-CFG-002")
@pytest.mark.parametrize(
    "key",
    [".".join(path) for path, _ in leaves(Config()) if ".".join(path) not in ADJUSTABLE] + ["no.such"],
)
def test_every_other_key_is_fixed(key: str) -> None:
    assert not is_runtime(key)
    with pytest.raises(RuntimeRefusal, match="fixed while it runs") as caught:
        with_value(Config(), key, 1)
    assert caught.value.code is RefusalCode.FIXED_AT_RUNTIME


@given(key=st.sampled_from(sorted(RUNTIME_KEYS)), value=st.floats(allow_nan=True, allow_infinity=True))
def test_a_value_is_taken_exactly_when_it_is_within_its_bounds(key: str, value: float) -> None:
    low, high, step = RUNTIME_KEYS[key]
    is_good = low <= value <= high and (step != 1 or value == int(value))
    if is_good:
        config = with_value(Config(), key, value)
        assert value_at(config, tuple(key.split("."))) == value
        assert Config.model_validate_json(config.model_dump_json(), strict=True) == config
    else:
        with pytest.raises(RuntimeRefusal, match="was not set") as caught:
            checked_runtime(key, value)
        assert caught.value.code is RefusalCode.OUT_OF_BOUNDS


def test_the_defaults_lie_within_their_bounds() -> None:
    for key, bounds in RUNTIME_KEYS.items():
        value = value_at(Config(), tuple(key.split(".")))
        assert isinstance(value, int | float)
        assert bounds.low <= value <= bounds.high


@pytest.mark.req("CARD-TOML")
def test_saved_values_come_back_and_leave_each_other_alone(tmp_path: Path) -> None:
    path = tmp_path / "overrides.toml"

    save_override(path, "risk.max_positions", 4)
    save_override(path, "risk.risk_per_trade_pct", 0.25)
    save_override(path, "risk.max_positions", 5)

    assert tomllib.loads(path.read_text()) == {"risk": {"max_positions": 5, "risk_per_trade_pct": 0.25}}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["overrides.toml"]


@pytest.mark.req("CARD-TOML")
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "overrides.toml"
    save_override(path, "risk.max_positions", 4)

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken) if step == "fsync" else patch.setattr(Path, "replace", broken)
        with pytest.raises(OSError, match="No space left"):
            save_override(path, "risk.max_positions", 9)

    assert tomllib.loads(path.read_text()) == {"risk": {"max_positions": 4}}
    assert [entry.name for entry in tmp_path.iterdir()] == ["overrides.toml"]


def test_a_refused_value_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "overrides.toml"
    with pytest.raises(RuntimeRefusal):
        save_override(path, "connection.port", 1)
    assert not path.exists()


@pytest.mark.req("REQ-CFG-002")
def test_who_changed_a_value_and_switched_a_strategy_off_is_shown(place: Place) -> None:
    place.write("")
    path = place.load(mode="PAPER").overrides_path
    path.parent.mkdir(parents=True)
    at = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    save_override(path, "risk.max_positions", 2, changed=Changed("operator", at, "3"))
    save_switch(path, "stocks_cross", Changed("shell uid 7", at))

    text = render(place.load(mode="PAPER"))

    assert f"{path}:2 (was 3, by operator, 2026-11-20 15:00 UTC)" in text
    assert "switched off stocks_cross by shell uid 7, 2026-11-20 15:00 UTC" in text
    save_switch(path, "stocks_cross", None)
    assert "switched off" not in render(place.load(mode="PAPER"))


@pytest.mark.parametrize("row", ['"yes"', "{}", '{who = "x"}', '{who = "x", at = "today"}'])
def test_a_note_that_says_nothing_is_named(place: Place, row: str) -> None:
    place.write("")
    path = place.load(mode="PAPER").overrides_path
    path.parent.mkdir(parents=True)
    path.write_text(f"[switched_off]\nmomo = {row}\n")

    with pytest.raises(ConfigError, match=r"switched_off\.momo expected who, at and was"):
        place.load(mode="PAPER")


@pytest.mark.req("REQ-CFG-002")
def test_the_regime_may_be_said_and_nothing_but_its_words(tmp_path: Path) -> None:
    path = tmp_path / "overrides.toml"
    assert with_word(Config(), "regime.override", "bear").regime.override.value == "bear"
    save_override(path, "regime.override", "bear")
    assert read_overrides(path).values.tree == {"regime": {"override": "bear"}}

    for key, word, code in (
        ("regime.override", "rain", RefusalCode.OUT_OF_BOUNDS),
        ("log.level", "DEBUG", RefusalCode.FIXED_AT_RUNTIME),
    ):
        with pytest.raises(RuntimeRefusal) as caught:
            save_override(path, key, word)
        assert caught.value.code is code
    for line in ('override = "rain"', "override = 1"):
        path.write_text(f"[regime]\n{line}\n")
        with pytest.raises(ConfigError, match="expected"):
            read_overrides(path)
