"""Names of strategies and indicators: listed, unique, and explained when unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import ConfigError, load
from engine.strategy import INDICATORS, STRATEGIES, ParamError, UnknownNameError
from engine.strategy.ma_crossover import MaCrossover
from engine.strategy.registry import DuplicateNameError, Registry


@pytest.mark.req("PLAN-M1-REGISTRY")
def test_what_is_available_is_listed_with_a_line_about_each() -> None:
    assert {"ma_crossover", "momentum"} <= set(STRATEGIES.names())
    assert {"atr", "ema", "roc", "sma"} <= set(INDICATORS.names())
    for registry in (STRATEGIES, INDICATORS):
        assert all(registry.summary(name).endswith((".", ",")) for name in registry.names())


@pytest.mark.req("PLAN-M1-REGISTRY")
def test_a_duplicate_name_raises_and_the_first_class_stays() -> None:
    registry: Registry[object] = Registry("strategy")

    @registry.register("one")
    class First:
        """The first."""

    with pytest.raises(DuplicateNameError, match=r"'one' is .*First; .*Second needs another name"):

        @registry.register("one")
        class Second:
            """The second."""

    assert registry.get("one") is First


@pytest.mark.req("PLAN-M1-REGISTRY")
def test_an_unknown_configured_strategy_is_a_configuration_error_with_the_valid_names(tmp_path: Path) -> None:
    file = tmp_path / "cockpit.toml"
    file.write_text("[strategies.mine]\nkind = 'ma_crosover'\nsymbols = ['SPY']\n")
    loaded = load(path=file, environ={}, cwd=tmp_path)

    with pytest.raises(UnknownNameError) as unknown:
        STRATEGIES.get(loaded.config.strategies["mine"].kind)
    error = loaded.error("strategies.mine.kind", str(unknown.value))

    assert isinstance(error, ConfigError)
    assert f"{file}:2: strategies.mine.kind = 'ma_crosover': expected a known strategy (" in str(error)
    assert "ma_crossover, momentum" in str(error)


def test_every_shipped_strategy_exists_and_takes_its_parameters(tmp_path: Path) -> None:
    config = load(environ={"HOME": str(tmp_path)}, cwd=tmp_path).config
    for name, section in config.strategies.items():
        made = STRATEGIES.get(section.kind).create(name, params=section.params, keys=section.symbols)
        assert made.name == name
        assert made.warm_up_bars() > 0


@pytest.mark.req("PLAN-M1-STRATS")
@pytest.mark.parametrize(
    ("kind", "params", "param", "expected"),
    [
        ("ma_crossover", {"fast": 50, "slow": 50}, "slow", r"more bars than fast \(50\), not 50"),
        ("ma_crossover", {"fast": 60}, "slow", r"more bars than fast \(60\), not 50"),
        ("ma_crossover", {"fats": 5}, "fats", "did you mean fast"),
        ("ma_crossover", {"fast": "5"}, "fast", "a whole number, not '5'"),
        ("ma_crossover", {"fast": 5.0}, "fast", "a whole number"),
        ("ma_crossover", {"fast": True}, "fast", "a whole number"),
        ("ma_crossover", {"fast": 0}, "fast", "at least 1"),
        ("ma_crossover", {"stop_atr": 0}, "stop_atr", "at least 0.1"),
        ("ma_crossover", {"stop_atr": float("nan")}, "stop_atr", "at least 0.1"),
        ("ma_crossover", {"min_stop_pct": -1}, "min_stop_pct", "at least 0"),
        ("ma_crossover", {"average": "wma"}, "average", "one of sma, ema"),
        ("momentum", {"exit_pct": 0.5}, "exit_pct", r"less than enter_pct \(0\.2\)"),
        ("momentum", {"bars": 0}, "bars", "at least 1"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_was_expected(
    kind: str, params: dict[str, object], param: str, expected: str
) -> None:
    with pytest.raises(ParamError, match=expected) as caught:
        STRATEGIES.get(kind).create("mine", params=params, keys=("SPY",))
    assert caught.value.param == param


def test_a_whole_number_is_taken_where_a_number_is_expected() -> None:
    made = STRATEGIES.get("ma_crossover").create("mine", params={"stop_atr": 2}, keys=("SPY",))

    assert isinstance(made, MaCrossover)
    assert made.params.stop_atr == 2.0
