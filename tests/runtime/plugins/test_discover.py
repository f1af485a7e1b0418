"""Strategies from outside the tree: found by their entry points, and harmless where they are broken."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import invalidate_caches
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from engine.config import ConfigError, load
from engine.domain.market import Bar
from engine.domain.order import Intention
from engine.runtime import catalogue
from engine.runtime.plugins import discover
from engine.strategy import STRATEGIES, StrategyView

DOCS = (Path(__file__).parents[3] / "docs" / "strategies.md").read_text(encoding="utf-8")
GOOD = DOCS.partition("```python\n")[2].partition("```\n")[0]
"""The example that a reader of the manual would copy."""


def decorated(kind: str) -> str:
    """The same, registered by its own decorator."""
    lines = f"from engine.strategy.registry import strategy\n\n\n@strategy({kind!r})\n"
    return GOOD.replace("class ThreeUp(", f"{lines}class ThreeUp(")


OPEN = datetime(2026, 11, 20, 15, tzinfo=UTC)


class Site:
    """A folder with packages as an installer leaves them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, package: str, module: str, text: str, *points: str) -> None:
        """One module and the metadata that names its strategies."""
        (self.folder / f"{module}.py").write_text(text, encoding="utf-8")
        info = self.folder / f"{package}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        listed = "\n".join(points)
        (info / "entry_points.txt").write_text(f"[{discover.GROUP}]\n{listed}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An own folder on the path; what it registers is forgotten after the test."""
    before, modules = STRATEGIES.taken(), set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Site(tmp_path)
    STRATEGIES.put_back(before)
    for name in set(sys.modules) - modules:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]
    discover.plugins.cache_clear()


def found() -> discover.Plugins:
    """What is there now."""
    invalidate_caches()
    discover.plugins.cache_clear()
    return discover.plugins()


@pytest.mark.req("PLAN-M1-REGISTRY")
def test_a_strategy_in_one_file_outside_the_tree_is_listed_with_its_origin(site: Site) -> None:
    site.install("my-strategies", "three_up", GOOD, "three_up = three_up:ThreeUp")

    assert found() == ({"three_up": "my-strategies 1.2"}, ())
    (line,) = (line for line in catalogue.lines() if line.startswith("three_up"))
    assert "my-strategies 1.2" in line
    assert "Buys after three rising closes." in line
    (own,) = (line for line in catalogue.lines() if line.startswith("momentum"))
    assert "built in" in own


def test_it_is_configured_checked_and_decides_like_one_of_ours(site: Site, tmp_path: Path) -> None:
    site.install("my-strategies", "three_up", GOOD, "three_up = three_up:ThreeUp")
    found()
    loaded = load(path=_config(tmp_path, "three_up", "stop_pct = 0.5"), environ={}, cwd=tmp_path)
    mine = catalogue.create(loaded, "mine", loaded.config.strategies["mine"], ("SPY",))
    mine.warm_up([])

    wishes = [mine.on_bar(_bar(n, 100.0 + n), StrategyView()) for n in range(4)]

    assert [len(wish) for wish in wishes] == [0, 0, 0, 1]
    (entry,) = wishes[3]
    assert (entry.intention, entry.strategy, entry.key) == (Intention.ENTER, "mine", "SPY")
    assert entry.stop_price == pytest.approx(103.0 * 0.995)
    (leave,) = mine.on_bar(_bar(4, 90.0), StrategyView(quantity=10))
    assert leave.intention is Intention.EXIT


def test_a_wrong_parameter_of_it_is_named_with_its_place(site: Site, tmp_path: Path) -> None:
    site.install("my-strategies", "three_up", GOOD, "three_up = three_up:ThreeUp")
    found()
    loaded = load(path=_config(tmp_path, "three_up", "stop = 0.5"), environ={}, cwd=tmp_path)
    with pytest.raises(ConfigError, match=r"strategies\.mine\.params\.stop.*did you mean stop_pct\?"):
        catalogue.check(loaded)


@pytest.mark.parametrize(
    ("text", "point", "said"),
    [
        ("raise RuntimeError('no licence')", "bad = bad:Bad", "RuntimeError: no licence"),
        ("import sys\nsys.exit(3)", "bad = bad:Bad", "SystemExit: 3"),
        ("x = (", "bad = bad:Bad", "SyntaxError"),
        ("import not_installed_anywhere", "bad = bad:Bad", "No module named 'not_installed_anywhere'"),
        ("", "bad = bad:Bad", "has no attribute 'Bad'"),
        ("Bad = 3", "bad = bad:Bad", "bad:Bad is no class derived from engine.strategy.Strategy"),
        ("class Bad: pass", "bad = bad:Bad", "is no class derived from"),
        ("", "bad = bad", "bad is no class derived from"),
        (
            "from engine.strategy import Strategy\nclass Bad(Strategy): pass",
            "bad = bad:Bad",
            "Bad does not say create, on_bar, warm_up, warm_up_bars, why_not",
        ),
        (GOOD, "momentum = bad:ThreeUp", "the name belongs to Momentum; choose another"),
        (
            decorated("momentum"),
            "bad = bad:ThreeUp",
            "strategy 'momentum' is Momentum; ThreeUp needs another name",
        ),
        (GOOD, "bad-\x1b[31m = bad:ThreeUp", "a kind is named like a variable"),
    ],
    ids=lambda value: "…" if len(value) > 60 else value.replace("\x1b", ""),
)
def test_a_broken_plug_in_is_named_and_costs_the_others_nothing(
    site: Site, text: str, point: str, said: str
) -> None:
    ours = STRATEGIES.get("momentum")
    site.install("good", "three_up", GOOD, "three_up = three_up:ThreeUp")
    site.install("bad", "bad", text, point)

    plugins = found()

    assert plugins.origins == {"three_up": "good 1.2"}
    (broken,) = plugins.broken
    assert broken.origin == "bad 1.2"
    assert said in broken.text
    assert STRATEGIES.get("momentum") is ours
    assert "bad" not in STRATEGIES.names()
    assert str(broken) in catalogue.lines()
    assert "\x1b" not in str(broken)


def test_two_plug_ins_that_claim_one_name_are_both_refused(site: Site) -> None:
    site.install("one", "one", GOOD, "three_up = one:ThreeUp")
    site.install("two", "two", GOOD, "three_up = two:ThreeUp")
    plugins = found()
    assert [b.text for b in plugins.broken] == ["2 plug-ins claim this name; none of them gets it"] * 2
    assert "three_up" not in STRATEGIES.names()


def test_the_decorator_is_enough_where_the_entry_point_names_the_module(site: Site) -> None:
    site.install("good", "three_up", decorated("three_up"), "three_up = three_up")
    assert found() == ({"three_up": "good 1.2"}, ())


def test_a_configuration_that_names_a_broken_one_is_told_why_it_is_broken(site: Site, tmp_path: Path) -> None:
    site.install("bad", "bad", "raise RuntimeError('no licence')", "bad = bad:Bad")
    found()
    loaded = load(path=_config(tmp_path, "bad", ""), environ={}, cwd=tmp_path)
    with pytest.raises(ConfigError, match=r"bad \(from bad 1\.2\) is not usable: RuntimeError: no licence"):
        catalogue.check(loaded)


def test_one_that_cannot_be_made_is_a_problem_of_the_configuration(site: Site, tmp_path: Path) -> None:
    text = GOOD.replace(
        "return cls(name, params=parse_params(ThreeUpParams, params), keys=keys)", "return 1 / 0"
    )
    site.install("bad", "bad", text, "bad = bad:ThreeUp")
    found()
    loaded = load(path=_config(tmp_path, "bad", ""), environ={}, cwd=tmp_path)
    with pytest.raises(ConfigError, match=r"bad \(from bad 1\.2\) cannot be made: ZeroDivisionError"):
        catalogue.check(loaded)


@pytest.mark.slow
def test_the_command_lists_it_from_another_process(site: Site) -> None:
    site.install("my-strategies", "three_up", GOOD, "three_up = three_up:ThreeUp")
    site.install("bad", "bad", "raise RuntimeError('no licence')", "bad = bad:Bad")
    code = (
        f"import sys; sys.path[:0] = [{str(site.folder)!r}]; from cockpit.cli import app; app(['strategies'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"three_up +my-strategies 1\.2", done.stdout)
    assert "bad (from bad 1.2) is not usable: RuntimeError: no licence" in done.stdout


def test_without_plug_ins_there_are_ours_alone() -> None:
    assert discover.load(()) == ({}, ())
    assert all(point.dist is not None for point in entry_points(group=discover.GROUP))


def _config(folder: Path, kind: str, params: str) -> Path:
    file = folder / "cockpit.toml"
    file.write_text(
        f"[strategies.mine]\nkind = {kind!r}\nsymbols = ['SPY']\nparams = {{ {params} }}\n", encoding="utf-8"
    )
    return file


def _bar(number: int, close: float) -> Bar:
    return Bar("SPY", OPEN + timedelta(seconds=5 * number), close, close, close, close, 100)
