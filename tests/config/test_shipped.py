"""The shipped cockpit.toml and the reference say what the models say."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import tomli_w

from engine.config import Config, Gateway, StrategySection, Timeframe, load, render
from engine.config.describe import reference, sample
from engine.config.keys import is_free, known_keys, leaves
from engine.config.model import MASK
from tests.config.place import Place

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "cockpit.toml"


@pytest.mark.req("PLAN-CFG")
def test_the_shipped_file_is_written_from_the_models() -> None:
    assert SHIPPED.read_text() == sample(), "run: python -m engine.config.describe toml > cockpit.toml"


@pytest.mark.req("PLAN-CFG")
def test_the_reference_is_written_from_the_models() -> None:
    written = (ROOT / "docs" / "configuration.md").read_text()
    assert written == reference(), "run: python -m engine.config.describe markdown > docs/configuration.md"


@pytest.mark.req("PLAN-CFG", "CARD-TOML")
def test_the_shipped_file_holds_every_key_at_its_default(tmp_path: Path) -> None:
    loaded = load(path=SHIPPED, environ={}, cwd=tmp_path, mode="PAPER")

    assert loaded.config == Config()
    assert loaded.gateway is Gateway.EMBEDDED
    assert {key for key, origin in loaded.origins.items() if origin.line is None} <= {"ui.keys"}


@pytest.mark.req("PLAN-CFG")
def test_every_key_of_the_shipped_file_has_a_comment_and_the_reference_a_row() -> None:
    rows = SHIPPED.read_text().splitlines()
    documented = {row.partition(" =")[0].strip() for above, row in pairwise(rows) if above.startswith("#")}
    text = reference()
    for known in known_keys():
        name = f"[{known.dotted}]" if known.dotted in {"ui.keys", "universe.themes"} else known.path[-1]
        assert name in documented, known.dotted
        assert f"| `{known.path[-1]}` |" in text


def test_a_key_named_with_a_unit_declares_that_unit() -> None:
    suffixes = {"s": "s", "seconds": "s", "ms": "ms", "pct": "%"}
    for known in known_keys():
        suffix = known.path[-1].rpartition("_")[2]
        if "_" in known.path[-1] and suffix in suffixes:
            assert known.unit.split()[0] == suffixes[suffix], known.dotted


@pytest.mark.req("PLAN-CFG")
@pytest.mark.parametrize("timeframe", ["5s", "1m", "5m", "15m", "1h", "1D"])
def test_every_timeframe_is_accepted(place: Place, timeframe: str) -> None:
    place.write(f"[strategies.a]\nkind = 'x'\nsymbols = ['SPY']\ntimeframe = '{timeframe}'\n")
    assert place.load().config.strategies["a"].timeframe is Timeframe(timeframe)


@pytest.mark.req("CARD-TOML")
def test_a_round_trip_through_toml_keeps_every_value(place: Place) -> None:
    config = Config(
        strategies={"a": StrategySection(kind="x", symbols=("BRK B",), params={"text": 'q"\\', "half": 0.5})},
    )
    place.write(tomli_w.dumps(config.model_dump(mode="json")))
    assert place.load().config == config


class TestFingerprint:
    def test_it_does_not_depend_on_the_order_of_keys(self, place: Place) -> None:
        place.write("[ui]\nrefresh_s = 1\ntheme = 'ansi'\n[risk]\nmax_positions = 2\n")
        first = place.load().config.fingerprint
        place.write("[risk]\nmax_positions = 2\n[ui]\ntheme = 'ansi'\nrefresh_s = 1.0\n")
        assert place.load().config.fingerprint == first

    def test_it_does_not_depend_on_the_order_of_strategies_and_their_parameters(self, place: Place) -> None:
        def table(name: str, params: str) -> str:
            return f"[strategies.{name}]\nkind = 'x'\nsymbols = ['A']\nparams = {{ {params} }}\n"

        place.write(table("a", "fast = 1, slow = 2") + table("b", ""))
        first = place.load().config.fingerprint
        place.write(table("b", "") + table("a", "slow = 2, fast = 1"))
        assert place.load().config.fingerprint == first

    def test_it_changes_with_a_value_but_not_with_the_name_of_the_run(self, place: Place) -> None:
        plain = place.load().config.fingerprint
        assert place.load(overrides={"run.id": "evening"}).config.fingerprint == plain
        assert place.load(overrides={"risk.max_positions": 2}).config.fingerprint != plain

    def test_it_does_not_depend_on_a_secret(self) -> None:
        def fingerprint(token: str) -> str:
            section = StrategySection(kind="x", symbols=("A",), params={"api_token": token})
            return Config(strategies={"a": section}).fingerprint

        assert fingerprint("one") == fingerprint("two")


class TestRender:
    @pytest.mark.req("PLAN-M1-CONFIG")
    def test_each_key_is_shown_with_value_unit_and_origin(self, place: Place) -> None:
        file = place.write("[risk]\nmax_gross_exposure = 5e4\n")
        text = render(place.load(overrides={"broker.speed": 10}))

        rows = {row.split()[0]: row for row in text.splitlines() if row}
        assert rows["risk.max_gross_exposure"].split() == [
            "risk.max_gross_exposure",
            "50000.0",
            "USD",
            f"{file}:2",
        ]
        assert rows["broker.speed"].split() == ["broker.speed", "10.0", "x", "command", "line"]
        assert rows["sessions.entry_start"].split() == ["sessions.entry_start", '"09:45"', "ET", "default"]
        assert {".".join(path) for path, _ in leaves(Config())} <= rows.keys()

    def test_a_secret_is_masked_and_a_control_character_is_spelt_out(self, place: Place) -> None:
        place.write("[strategies.a]\nkind = 'x'\nsymbols = ['A']\nparams = { note = \"\\u001b[2J\" }\n")
        text = render(place.load(COCKPIT_STRATEGIES__A__PARAMS__API_TOKEN="hunter2"))
        assert "hunter2" not in text
        assert MASK in text
        assert "\x1b" not in text


def test_free_tables_are_the_only_open_ones() -> None:
    assert [known.dotted for known in known_keys() if is_free(known)] == [
        "ui.keys",
        "universe.themes",
        "strategies.<name>.params",
    ]


def test_the_room_imports_no_other_room() -> None:
    code = (
        "import sys, engine.config; "
        "print(*sorted(m for m in sys.modules if m.startswith(('engine.', 'textual', 'ib_async', 'rich.')) "
        "and not m.startswith('engine.config')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""


def test_the_sample_is_plain_toml() -> None:
    assert "strategies" in tomllib.loads(sample())
