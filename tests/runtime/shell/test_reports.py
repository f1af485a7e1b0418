"""`cockpit report` as a person types it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cockpit.cli import app
from engine.store.store import Store
from tests.backtest.test_run_directory import written


@pytest.mark.req("PLAN-M2-HTML", "PLAN-DOD")
def test_the_last_run_is_reported_into_its_folder_and_a_notebook_beside(tmp_path: Path) -> None:
    folder = written(tmp_path / "results", name="20260302T210000Z-aa")
    place = tmp_path / "look.ipynb"

    asked = ["report", "--state", str(tmp_path), "--notebook", str(place)]
    said = CliRunner().invoke(app, asked)

    assert said.exit_code == 0, said.output
    assert (folder / "report.html").stat().st_size > 4_000_000
    assert "run 20260302T210000Z-aa" in said.output
    assert str(folder) in "".join(json.loads(place.read_text())["cells"][1]["source"])


def test_a_run_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["report", "2027", "--results", str(tmp_path)])

    assert said.exit_code == 2
    assert "no run '2027'" in said.output


def test_a_run_that_cannot_be_read_is_a_failure_that_names_it(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "run.json").unlink()

    said = CliRunner().invoke(app, ["report", str(folder)])

    assert said.exit_code == 1
    assert "run r1 could not be made" in said.output
    assert "run.json" in said.output


@pytest.mark.req("PLAN-M4-REPORT")
def test_a_trading_day_is_reported_from_the_store_and_only_a_date_is_one(tmp_path: Path) -> None:
    async def kept() -> None:
        store = await Store.open(tmp_path / "embedded-DU1" / "cockpit.db", gateway="embedded", account="DU1")
        await store.close()

    (tmp_path / "embedded-DU1").mkdir(mode=0o700)
    asyncio.run(kept())
    asked = ["report", "--state", str(tmp_path), "--day"]

    said, wrong = (CliRunner().invoke(app, [*asked, day]) for day in ("2026-11-20", "yesterday"))

    assert said.exit_code == 0, said.output
    assert "no trade" in (tmp_path / "embedded-DU1" / "days" / "report_20261120.html").read_text()
    assert (wrong.exit_code, "expected a date" in wrong.output) == (2, True)
