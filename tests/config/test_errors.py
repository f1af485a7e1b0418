"""A wrong configuration stops the start with a message that a person can act on."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import ConfigError, Layer
from engine.config.model import MASK
from tests.config.place import Place

STRATEGY = "[strategies.mine]\nkind = 'x'\nsymbols = ['SPY']\n"


def refused(place: Place, text: str, **environ: str) -> str:
    place.write(text)
    with pytest.raises(ConfigError) as caught:
        place.load(**environ)
    return str(caught.value)


@pytest.mark.req("REQ-CFG-001", "REQ-C1")
@pytest.mark.parametrize(
    ("text", "line", "key", "given", "expected"),
    [
        ("[risk]\nmax_positions = 'three'", 2, "risk.max_positions", "'three'", "expected a valid integer"),
        ("[risk]\nmax_positions = 2.5", 2, "risk.max_positions", "2.5", "expected a valid integer"),
        ("[risk]\nmax_positions = true", 2, "risk.max_positions", "True", "expected a valid integer"),
        ("[risk]\nmax_positions = 0", 2, "risk.max_positions", "0", "greater than or equal to 1"),
        ("[risk]\nrisk_per_trade_pct = 50", 2, "risk.risk_per_trade_pct", "50", "less than or equal to 5"),
        ("[risk]\nrisk_per_trade_pct = nan", 2, "risk.risk_per_trade_pct", "nan", "a finite number"),
        ("[risk]\nmax_gross_exposure = inf", 2, "risk.max_gross_exposure", "inf", "a finite number"),
        (
            "[sessions]\nentry_start = '25:99'",
            2,
            "sessions.entry_start",
            "'25:99'",
            "expected a time as 'HH:MM'",
        ),
        ("[sessions]\nentry_start = 945", 2, "sessions.entry_start", "945", "expected a valid time"),
        ("[sessions]\nentry_start = '09:45Z'", 2, "sessions.entry_start", "'09:45Z'", "without a zone"),
        ("[kill]\nflatten = 'yes'", 2, "kill.flatten", "'yes'", "expected a valid boolean"),
        ("[kill]\nflag_file = '../KILL'", 2, "kill.flag_file", "'../KILL'", "without a folder"),
        ("[broker]\ngateway = 'ibkr'", 2, "broker.gateway", "'ibkr'", "expected 'auto', 'embedded' or 'tws'"),
        ("[broker]\nspeed = 0", 2, "broker.speed", "0", "greater than 0"),
        ("[data]\n\nwarmup_bars = -1", 3, "data.warmup_bars", "-1", "greater than or equal to 0"),
        ("[ui]\ntheme = 'pink'", 2, "ui.theme", "'pink'", "'cockpit-safe'"),
        (f"{STRATEGY}timeframe = '2m'", 4, "strategies.mine.timeframe", "'2m'", "'5s', '1m'"),
        (f"{STRATEGY}params = {{ a = [1] }}", 4, "strategies.mine.params.a", "[1]", "expected a number"),
        (
            "[strategies.a]\nkind='x'\nsymbols=['SPY',\n'b']",
            3,
            "strategies.a.symbols.1",
            "'b'",
            "a symbol like 'SPY'",
        ),
        ("[strategies.a]\nkind='x'\nsymbols=[]", 3, "strategies.a.symbols", "()", "or from_scanner above 0"),
        (
            "[alerts]\nchannels = ['https://x.y/key']",
            2,
            "alerts.channels.0",
            "'https://x.y/key'",
            "lower case",
        ),
        ("[connection]\ndetect_s = 1", 2, "connection.detect_s", "1.0", "more than connection.heartbeat_s"),
        ("[connection]\ndetect_s = 0.5", 2, "connection.detect_s", "0.5", "more than connection.heartbeat_s"),
        ("[sessions]\nentry_end = '09:00'", 2, "sessions.entry_end", "'09:00'", "after sessions.entry_start"),
        (
            "[connection]\nstandby_cap_s = 1",
            2,
            "connection.standby_cap_s",
            "1",
            "at least connection.standby_base_s",
        ),
        (
            "[risk]\nper_symbol_notional_cap = 1e6",
            2,
            "risk.per_symbol_notional_cap",
            "1000000.0",
            "at most risk.max_gross_exposure",
        ),
    ],
)
def test_a_wrong_value_names_file_line_key_value_and_expectation(
    place: Place, text: str, line: int, key: str, given: str, expected: str
) -> None:
    message = refused(place, text)

    problem = next(row for row in message.splitlines() if f" {key} " in row)
    assert f"{place.cwd}/cockpit.toml:{line}: {key} = {given}" in problem
    assert expected in problem


@pytest.mark.req("REQ-CFG-001", "REQ-C1")
@pytest.mark.parametrize(
    ("text", "line", "key", "meant"),
    [
        ("[risk]\nmax_postions = 3", 2, "risk.max_postions", "risk.max_positions"),
        ("\n[rsk]\nmax_positions = 3", 2, "rsk", "risk"),
        ("[execution]\nmax_positions = 3", 2, "execution.max_positions", "risk.max_positions"),
        ("max_positions = 3", 1, "max_positions", "risk.max_positions"),
        ("risk.allow_short.STOCK = true", 1, "risk.allow_short.STOCK", "risk.allow_short.STK"),
        (f"{STRATEGY}symbol = 'SPY'", 4, "strategies.mine.symbol", "strategies.mine.symbols"),
        ("[ui]\n'theme name' = 1\n", 2, "ui.theme name", "ui.theme"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest_valid_one(
    place: Place, text: str, line: int, key: str, meant: str
) -> None:
    message = refused(place, text)

    assert f"cockpit.toml:{line}: {key} " in message
    assert f"is not a key; did you mean {meant}?" in message


def test_an_unknown_key_without_a_near_one_gets_no_guess(place: Place) -> None:
    message = refused(place, "[risk]\nzzzz = 3")
    assert "risk.zzzz = 3 is not a key" in message
    assert "did you mean" not in message


@pytest.mark.req("REQ-CFG-001")
def test_a_missing_field_is_named_with_the_line_of_its_table(place: Place) -> None:
    message = refused(place, "\n\n[strategies.mine]\nsymbols = ['SPY']\n")
    assert "cockpit.toml:3: strategies.mine.kind is missing" in message


def test_all_mistakes_are_listed_at_once_in_the_order_of_the_file(place: Place) -> None:
    place.write("[ui]\nrefresh_s = 'x'\n[risk]\nmax_postions = 1\nmax_positions = 0\n")

    with pytest.raises(ConfigError) as caught:
        place.load(IB_PORT="x")

    assert "has 4 errors; nothing was started" in str(caught.value)
    assert [(p.origin.layer, p.origin.line) for p in caught.value.problems] == [
        (Layer.FILE, 2),
        (Layer.FILE, 4),
        (Layer.FILE, 5),
        (Layer.ENVIRONMENT, None),
    ]


def test_a_table_is_not_blamed_again_for_what_is_wrong_inside_it(place: Place) -> None:
    assert "has 1 error;" in refused(place, "[strategies.a]\nkind = 'x'\nsymbols = ['spy']\n")


@pytest.mark.parametrize("name", ["Mine", "my-own", "a__b", "1st", "operator"])
def test_a_strategy_name_that_cannot_own_positions_is_refused(place: Place, name: str) -> None:
    message = refused(place, f"[strategies.'{name}']\nkind = 'x'\nsymbols = ['SPY']\n")
    assert f"cockpit.toml:1: strategies.{name} is no name for a strategy: expected a" in message


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("COCKPIT_RISK__MAX_POSTIONS", "did you mean COCKPIT_RISK__MAX_POSITIONS?"),
        ("COCKPIT_RISK_MAX_POSITIONS", "did you mean COCKPIT_RISK__MAX_POSITIONS?"),
    ],
)
def test_a_misspelt_variable_is_an_error_and_not_ignored(place: Place, name: str, hint: str) -> None:
    message = refused(place, "", **{name: "3"})
    assert f"environment {name}" in message
    assert hint in message


def test_variables_that_are_not_keys_are_left_alone(place: Place) -> None:
    plain = place.load()

    assert place.load(COCKPIT_DATA="/data", COCKPIT_COLOUR="no", PATH="/bin").config == plain.config


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[risk\n", "cockpit.toml:1: is not valid TOML"),
        (b"a = 1\nb = = 2\n", "cockpit.toml:2: is not valid TOML"),
        (b"[risk]\nmax_positions = 3\nmax_positions = 4\n", "is not valid TOML"),
        (b"\xff\xfe", "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_not_toml_says_where(place: Place, content: bytes, expected: str) -> None:
    (place.cwd / "cockpit.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=expected):
        place.load()


def test_a_file_that_cannot_be_read_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    file = place.write("")

    def denied(self: Path, *_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(ConfigError, match=f"{file}: cannot be read: Permission denied"):
        place.load()


def test_a_message_has_no_control_characters_and_shows_no_secret(place: Place) -> None:
    message = refused(
        place, "[risk]\nmax_positions = \"\\u001b[2J\"\n[strategies.a.params]\napi_token = ['hunter2']\n"
    )
    assert "\x1b" not in message
    assert "\x1b" not in refused(place, '["\\u001b[2J"]\na = 1\n')
    assert "hunter2" not in message
    assert f"strategies.a.params.api_token = {MASK}" in message


def test_a_later_check_can_name_the_place_of_a_key(place: Place) -> None:
    file = place.write("[strategies.mine]\nkind = 'nonsense'\nsymbols = ['SPY']\n")

    error = place.load().error("strategies.mine.kind", "expected one of: ma_crossover, momentum")

    assert f"{file}:2: strategies.mine.kind = 'nonsense': expected one of" in str(error)


class TestOverridesFile:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("[connection]\nport = 1\n", ":2: connection.port is not a runtime value"),
            ("[risk]\nmax_positions = 'x'\n", ":2: risk.max_positions = 'x': expected a number"),
            ("[risk]\nmax_positions = 99\n", ":2: risk.max_positions cannot be used"),
            ("[risk\n", ":1: is not valid TOML"),
        ],
    )
    def test_what_is_not_an_override_is_refused(self, place: Place, text: str, expected: str) -> None:
        path = place.load().overrides_path
        path.parent.mkdir(parents=True)
        path.write_text(text)

        with pytest.raises(ConfigError) as caught:
            place.load()

        assert f"{path}{expected}" in str(caught.value)
