"""Layers and origins: the stronger layer wins, and every value knows where it came from."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from engine.config import Config, ConfigError, Gateway, Layer, load, save_override
from engine.config.keys import known_keys, leaves
from tests.config.place import Place

LIMIT = "risk.max_positions"


@pytest.mark.req("PLAN-M1-CONFIG")
def test_each_layer_wins_over_the_weaker_ones_and_is_named_as_the_origin(place: Place) -> None:
    def seen(**more: object) -> tuple[int, str]:
        loaded = place.load(**more)  # type: ignore[arg-type]  # keywords of one call, spelt by the test
        return loaded.config.risk.max_positions, str(loaded.origins[LIMIT])

    assert seen() == (3, "default")

    file = place.write("\n[risk]\nmax_positions = 4\n")
    assert seen() == (4, f"{file}:3")

    dotenv = place.write("# ours\nexport COCKPIT_RISK__MAX_POSITIONS=5\nELSE=1\n", name=".env")
    assert seen() == (5, f"{dotenv}:2 COCKPIT_RISK__MAX_POSITIONS")

    place.environ["COCKPIT_RISK__MAX_POSITIONS"] = "6"
    assert seen() == (6, "environment COCKPIT_RISK__MAX_POSITIONS")

    overrides = place.load().overrides_path
    overrides.parent.mkdir()
    save_override(overrides, LIMIT, 7)
    assert seen() == (7, f"runtime override {overrides}:2")

    assert seen(overrides={LIMIT: 8}) == (8, "command line")


def test_every_key_of_a_loaded_configuration_has_an_origin(place: Place) -> None:
    place.write("[risk]\nmax_positions = 4\n[strategies.mine]\nkind = 'momentum'\nsymbols = ['SPY']\n")

    loaded = place.load()

    assert set(loaded.origins) == {".".join(path) for path, _ in leaves(loaded.config)}
    assert loaded.origins["strategies.mine.kind"].line == 4
    assert loaded.origins["strategies.mine.enabled"].layer is Layer.DEFAULT


def test_an_option_that_was_not_given_changes_nothing(place: Place) -> None:
    loaded = place.load(overrides={"broker.speed": None, "broker.seed": 9})

    assert loaded.config.broker.speed == 1.0
    assert loaded.config.broker.seed == 9
    assert loaded.origins["broker.speed"].layer is Layer.DEFAULT


def test_an_override_of_one_gateway_does_not_reach_the_other(place: Place) -> None:
    embedded = place.load(mode="PAPER")
    embedded.state_dir.mkdir(parents=True)
    save_override(embedded.overrides_path, LIMIT, 9)

    assert place.load(mode="PAPER").config.risk.max_positions == 9
    assert place.load(mode="PAPER", IB_PORT="4002").config.risk.max_positions == 3


def test_a_files_strategies_replace_the_shipped_ones(place: Place) -> None:
    assert set(place.load().config.strategies) == {
        "stocks_cross",
        "futures_cross",
        "futures_learned",
    }

    place.write("[strategies.mine]\nkind = 'ma_crossover'\nsymbols = ['SPY']\n")

    assert set(place.load().config.strategies) == {"mine"}


def test_one_key_of_a_shipped_strategy_can_be_set_from_the_environment(place: Place) -> None:
    loaded = place.load(
        COCKPIT_STRATEGIES__FUTURES_CROSS__ENABLED="false",
        COCKPIT_STRATEGIES__STOCKS_CROSS__PARAMS__FAST="13",
        COCKPIT_STRATEGIES__STOCKS_CROSS__SYMBOLS='["SPY"]',
    )

    assert loaded.config.strategies["futures_cross"].enabled is False
    assert loaded.config.strategies["stocks_cross"].params["fast"] == 13
    assert loaded.config.strategies["stocks_cross"].symbols == ("SPY",)
    assert loaded.config.strategies["stocks_cross"].params["slow"] == 21


def test_a_text_from_the_environment_stays_text_though_it_looks_like_a_number(place: Place) -> None:
    loaded = place.load(COCKPIT_RUN__ID="20261121", COCKPIT_SESSIONS__ENTRY_END="14:30")

    assert loaded.config.run.id == "20261121"
    assert loaded.config.sessions.entry_end == time(14, 30)


def test_a_key_in_capitals_is_reached_from_the_environment(place: Place) -> None:
    assert place.load(COCKPIT_RISK__ALLOW_SHORT__STK="true").config.risk.allow_short.STK is True


def test_tomls_own_times_are_read_like_their_texts(place: Place) -> None:
    place.write("[sessions]\nentry_start = 10:15:00\nentry_end = '15:45'\n")

    hours = place.load().config.sessions

    assert (hours.entry_start, hours.entry_end) == (time(10, 15), time(15, 45))


class TestEnvironmentOfTheBroker:
    @pytest.mark.req("FUT-ENV")
    def test_unset_variables_give_the_defaults(self, place: Place) -> None:
        link = place.load().config.connection
        assert (link.host, link.port, link.client_id) == ("127.0.0.1", 7497, 1)

    @pytest.mark.req("FUT-ENV")
    def test_set_variables_win_over_the_file(self, place: Place) -> None:
        place.write("[connection]\nhost = 'a.example'\nport = 1\nclient_id = 5\n")

        link = place.load(IB_HOST="b.example", IB_PORT="4002", IB_CLIENT_ID="42").config.connection

        assert (link.host, link.port, link.client_id) == ("b.example", 4002, 42)

    @pytest.mark.req("FUT-ENV")
    @pytest.mark.parametrize("port", ["0", "65536", "seven", "7497.0", "-1"])
    def test_an_invalid_port_is_an_error_that_names_the_variable(self, place: Place, port: str) -> None:
        with pytest.raises(ConfigError, match=r"environment IB_PORT: connection\.port = .*expected"):
            place.load(IB_PORT=port)

    @pytest.mark.req("FUT-ENV")
    def test_the_web_views_port_has_a_default_and_a_variable_and_must_be_one(self, place: Place) -> None:
        assert place.load().config.web.port == 8050
        place.write("[web]\nport = 9000\n")
        assert place.load(DASHBOARD_PORT="9100").config.web.port == 9100
        with pytest.raises(ConfigError, match=r"environment DASHBOARD_PORT: web\.port = .*expected"):
            place.load(DASHBOARD_PORT="seven")

    def test_an_empty_variable_counts_as_unset(self, place: Place) -> None:
        loaded = place.load(IB_PORT="", COCKPIT_CONNECTION__HOST="", mode="PAPER")
        assert loaded.config.connection.port == 7497
        assert loaded.gateway is Gateway.EMBEDDED

    def test_our_own_variable_wins_over_the_shared_one(self, place: Place) -> None:
        loaded = place.load(IB_PORT="1", COCKPIT_CONNECTION__PORT="2", mode="PAPER")
        assert loaded.config.connection.port == 2
        assert loaded.gateway is Gateway.TWS


class TestGateway:
    @pytest.mark.parametrize(
        ("mode", "environ", "expected"),
        [
            ("PAPER", {}, Gateway.EMBEDDED),
            ("DRY_RUN", {}, Gateway.TWS),
            (None, {}, Gateway.TWS),
            ("LIVE", {}, Gateway.TWS),
            ("PAPER", {"IB_PORT": "4002"}, Gateway.TWS),
            ("PAPER", {"IB_HOST": "10.0.0.1"}, Gateway.TWS),
            ("PAPER", {"IB_CLIENT_ID": "7"}, Gateway.EMBEDDED),
        ],
    )
    def test_auto_is_decided_by_mode_and_environment(
        self, place: Place, mode: str | None, environ: dict[str, str], expected: Gateway
    ) -> None:
        assert place.load(mode=mode, **environ).gateway is expected

    @pytest.mark.parametrize("variable", ["IB_HOST", "IB_PORT"])
    def test_explicit_embedded_beside_a_variable_is_an_error_naming_both(
        self, place: Place, variable: str
    ) -> None:
        file = place.write("[broker]\ngateway = 'embedded'\n")

        with pytest.raises(ConfigError) as caught:
            place.load(mode="PAPER", **{variable: "4002"})

        assert f"{file}:2: broker.gateway = 'embedded'" in str(caught.value)
        assert variable in str(caught.value)

    def test_a_variable_in_dotenv_selects_tws_too(self, place: Place) -> None:
        place.write("")
        place.write("IB_PORT=4002\n", name=".env")
        assert place.load(mode="PAPER").gateway is Gateway.TWS

    def test_explicit_tws_holds_in_paper_mode(self, place: Place) -> None:
        assert place.load(mode="PAPER", overrides={"broker.gateway": "tws"}).gateway is Gateway.TWS


class TestSearch:
    def test_a_named_file_wins_over_all_others(self, place: Place) -> None:
        place.write("[broker]\nseed = 1\n")
        other = place.write("[broker]\nseed = 2\n", name="other.toml")
        variable = place.write("[broker]\nseed = 3\n", name="variable.toml")

        named = place.load(path=Path("other.toml"), COCKPIT_CONFIG=str(variable))

        assert (named.config.broker.seed, named.path) == (2, other)
        assert place.load(COCKPIT_CONFIG=str(variable)).config.broker.seed == 3

    def test_the_file_is_found_from_a_folder_below(self, place: Place) -> None:
        file = place.write("[broker]\nseed = 5\n")
        below = place.cwd / "a" / "b"
        below.mkdir(parents=True)

        loaded = load(environ={"HOME": str(place.home)}, cwd=below)

        assert (loaded.path, loaded.config.broker.seed) == (file, 5)

    def test_the_users_own_file_is_the_last_to_be_asked(self, place: Place) -> None:
        own = place.home / ".config" / "cockpit" / "cockpit.toml"
        own.parent.mkdir(parents=True)
        own.write_text("[broker]\nseed = 6\n")
        assert place.load().path == own

        elsewhere = place.home / "xdg" / "cockpit" / "cockpit.toml"
        elsewhere.parent.mkdir(parents=True)
        elsewhere.write_text("[broker]\nseed = 7\n")
        assert place.load(XDG_CONFIG_HOME=str(place.home / "xdg")).path == elsewhere

        assert place.load(path=place.write("")).path == place.cwd / "cockpit.toml"

    def test_without_any_file_the_defaults_are_in_force(self, place: Place) -> None:
        loaded = place.load()
        assert loaded.path is None
        assert loaded.config == Config()

    def test_a_named_file_that_is_not_there_is_an_error(self, place: Place) -> None:
        place.write("")
        with pytest.raises(ConfigError, match=r"command line: names '.*which is not a file"):
            place.load(path=Path("gone.toml"))
        with pytest.raises(ConfigError, match=r"COCKPIT_CONFIG: names '.*which is not a file"):
            place.load(COCKPIT_CONFIG="gone.toml")


class TestFolders:
    def test_state_counts_from_the_file_that_names_it(self, place: Place) -> None:
        file = place.write("[state]\ndir = 'kept'\n", name="conf/cockpit.toml")
        assert place.load(path=file).state_dir == place.cwd / "conf" / "kept"

    def test_the_default_state_lies_beside_the_file(self, place: Place) -> None:
        assert (
            place.load(path=place.write("", name="conf/cockpit.toml")).state_dir
            == place.cwd / "conf" / "state"
        )

    def test_a_folder_from_the_shell_counts_from_where_the_person_is(self, place: Place) -> None:
        file = place.write("", name="conf/cockpit.toml")
        assert place.load(path=file, overrides={"state.dir": Path("here")}).state_dir == place.cwd / "here"
        assert place.load(path=file, COCKPIT_STATE__DIR="there").state_dir == place.cwd / "there"

    def test_without_a_file_the_state_is_the_users_own(self, place: Place) -> None:
        assert place.load().state_dir == place.home / ".local" / "state" / "cockpit"
        assert place.load(XDG_STATE_HOME="/x/state").state_dir == Path("/x/state/cockpit")

    def test_a_tape_is_found_like_the_state(self, place: Place) -> None:
        assert place.load().tape_dir is None
        place.write("[broker]\ntape = 'day'\n")
        assert place.load().tape_dir == place.cwd / "day"


def test_every_declared_key_can_be_set_from_the_environment_and_from_the_command_line(place: Place) -> None:
    named = [
        ".".join("stocks_cross" if part == "<name>" else part for part in known.path)
        for known in known_keys()
        if known.path[-1] not in {"keys", "params", "themes"}
    ]
    defaults = {".".join(path): value for path, value in leaves(Config())}
    texts = {key: _as_text(defaults[key]) for key in named}
    environ = {f"COCKPIT_{key.replace('.', '__').upper()}": text for key, text in texts.items() if text}

    loaded = place.load(**environ)

    assert loaded.config == Config()
    from_environment = {key for key, origin in loaded.origins.items() if origin.layer is Layer.ENVIRONMENT}
    assert from_environment == {key for key, text in texts.items() if text}


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return str(list(value))
    return f"{value:d}" if isinstance(value, int) else str(value)
