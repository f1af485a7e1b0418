"""`cockpit model report`: what a store knows of the models, as a page that fetches nothing and as JSON."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cockpit.cli import app
from engine.report.model_figures import smooth
from engine.report.model_page import course_drawing, reliability_drawing
from engine.runtime.learning.keeper import LearningKeeper
from engine.runtime.shell.model_report import figures_of
from engine.store.learning_record import load_learning
from tests.execution.rig import rig
from tests.runtime.learning.running import running_of
from tests.strategy.learned_market import KEY, made, play, quotes
from tests.virtual_time import pass_time, virtual


async def stored(folder: Path, *, seconds: float) -> Path:
    """A state folder in which the learned trader lived for so long."""
    async with rig(folder / "lived", keys=(KEY,)) as here:
        trader = made()
        keeper = LearningKeeper(here.desk, store=here.store, running=(running_of(trader),), learnt={})
        play(trader, quotes(3, seconds, leaning=0.5))
        await keeper.save()
        await pass_time(1)
        path = here.store.path
    place = folder / "state" / "embedded-DU9000001"
    place.mkdir(parents=True)
    shutil.copy(path, place / "cockpit.db")
    return place / "cockpit.db"


@virtual
@pytest.mark.req("FUT-DO-4", "FUT-F6")
async def test_the_page_and_its_figures_tell_all_that_is_stored(tmp_path: Path) -> None:
    path = await stored(tmp_path, seconds=150)
    page = tmp_path / "page.html"
    said = CliRunner().invoke(app, ["model", "report", "--state", str(path.parent.parent), "--to", str(page)])
    assert said.exit_code == 0, said.output
    assert "what was learnt of 1 contract" in said.output

    (one,) = json.loads(page.with_suffix(".json").read_text())["contracts"]
    with closing(sqlite3.connect(path)) as conn:
        ((decisions,),) = conn.execute("SELECT count(*) FROM learned_decision")
        ((moved,),) = conn.execute("SELECT count(*) FROM learned_outcome WHERE kind = 'move' AND ticks <> 0")
    assert (one["key"], one["decisions"]) == (KEY, decisions)
    assert one["reliability"]["n"] == sum(b["n"] for b in one["reliability"]["bins"]) == moved
    assert one["model"]["evidence"]["books"][0]["trades"] > 0
    assert one["model"]["cells"][0]["half_hour"] is None
    assert one["live"] == {"n": 0, "net_usd": None, "mean_usd": None, "won": 0}

    text = page.read_text()
    for part in ("What was learnt", KEY, "Evidence", "Drift, champion, challenger", "By regime", "<svg"):
        assert part in text
    assert "http://" not in text
    assert "https://" not in text
    assert len(text) < 200_000


@virtual
async def test_a_model_that_cannot_be_believed_is_named_and_the_record_still_counts(tmp_path: Path) -> None:
    path = await stored(tmp_path, seconds=40)
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("UPDATE learned_model SET body = replace(body, '1', '2')")
        conn.commit()
    said = CliRunner().invoke(app, ["model", "report", "--state", str(path.parent.parent), "--json"])
    assert said.exit_code == 0, said.output
    (one,) = json.loads(said.output)["contracts"]
    assert one["model"] is None
    assert "hash does not match" in one["trouble"]
    assert one["reliability"]["n"] > 0
    assert not (path.parent / "model.html").exists()


@virtual
async def test_an_account_in_which_nothing_was_learnt_says_so(tmp_path: Path) -> None:
    path = await stored(tmp_path, seconds=0)
    with closing(sqlite3.connect(path)) as conn:
        for table in ("learned_decision", "learned_outcome", "learned_model"):
            conn.execute(f"DELETE FROM {table}")
        conn.commit()
    assert figures_of(load_learning(path))["contracts"] == []
    said = CliRunner().invoke(app, ["model", "report", "--state", str(path.parent.parent)])
    assert said.exit_code == 0, said.output
    assert "nothing was learnt yet" in (path.parent / "model.html").read_text()


def test_a_store_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["model", "report", "--state", str(tmp_path)])
    assert said.exit_code in {1, 2}
    assert "Traceback" not in said.output


def test_drawings_of_nothing_are_empty_and_long_records_are_thinned() -> None:
    assert reliability_drawing([]) == course_drawing([]) == course_drawing([0.6]) == ""
    assert smooth([1.0, 2.0], points=10) == [1.0, 2.0]
    thinned = smooth([float(n) for n in range(10_000)], points=100)
    assert len(thinned) == 100
    assert thinned == sorted(thinned)
    assert len(course_drawing([0.5 + n / 50_000 for n in range(20_000)])) < 10_000
