"""The report of a run opens without network, says what it must, and shows texts as texts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.backtest.notebook import notebook
from engine.backtest.run_directory import NoRunError
from engine.backtest.run_page import months, per_symbol, run_page, write_report
from engine.report.charts import thin
from engine.report.page import chart_script, data, number, pct, usd
from tests.backtest.building import CLOSE, ns, result
from tests.backtest.test_run_directory import inputs, written

ROOT = Path(__file__).parents[2]


def without_library(page: str) -> str:
    """The page without the inlined chart library, whose text names addresses it never asks here."""
    return page.replace(str(chart_script()), "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An eventful run."""
    return written(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    """Its page."""
    return write_report(folder).read_text(encoding="utf-8")


@pytest.mark.req("PLAN-M2-HTML")
def test_the_page_asks_nobody_for_anything(page: str) -> None:
    own = without_library(page)

    assert len(own) < 200_000 < len(page)
    assert not re.findall(r"https?://|//cdn|@import", own)
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", page)
    assert "default-src 'none'" in own


@pytest.mark.req("PLAN-M2-HTML", "PLAN-DOD")
def test_the_page_has_curves_months_figures_trades_symbols_and_costs(page: str) -> None:
    own = without_library(page)

    for title in ("Equity", "Drawdown", "Return per month", "Per symbol", "Costs", "Trades", "Averages"):
        assert f"<h2>{title}" in own
    for figure in ("CAGR", "Sharpe", "Sortino", "max drawdown", "Calmar", "hit rate", "exposure"):
        assert f"<span>{figure}</span>" in own
    charts = json.loads(re.search(r'id="charts">(.*?)</script>', own).group(1))  # type: ignore[union-attr]
    assert charts["equity"]["data"][0]["y"] == [101.0, 99.0, 104.0, 103.5]
    assert charts["drawdown"]["data"][0]["y"] == pytest.approx([0.0, -2 / 101, 0.0, -0.5 / 104], abs=1e-6)
    assert own.count('<td class="left">cross</td>') == 2


@pytest.mark.req("PLAN-M2-CA")
def test_prices_that_were_never_adjusted_are_called_so_by_name(page: str) -> None:
    assert '<span class="note">unadjusted: SPY</span>' in page


@pytest.mark.req("PLAN-M2-METRICS")
def test_the_number_of_trials_and_what_is_left_of_the_ratio_are_shown(page: str) -> None:
    moment = json.loads(re.search(r'id="moment">(.*?)</script>', page).group(1))  # type: ignore[union-attr]

    assert moment["trials"] == 1
    assert 0.0 < moment["deflated_sharpe"] < 1.0
    assert 'data-moment="trials"' in page


@pytest.mark.req("REQ-BT1")
def test_pages_of_equal_runs_differ_in_one_line_only(folder: Path, tmp_path: Path) -> None:
    other = written(tmp_path, name="another")

    pages = [run_page(one).splitlines() for one in (folder, other)]

    differing = [pair for pair in zip(*pages, strict=True) if pair[0] != pair[1]]
    assert len(differing) == 1
    assert all('id="moment"' in line for line in differing[0])


def test_a_run_is_written_and_its_page_made_without_loading_pandas(tmp_path: Path) -> None:
    """It takes longer to load than all of that."""
    program = (
        "import sys; from pathlib import Path\n"
        "from engine.backtest.run_page import write_report\n"
        "from tests.backtest.test_run_directory import written\n"
        "write_report(written(Path(sys.argv[1])))\n"
        "print('pandas' in sys.modules)\n"
    )

    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)

    assert done.stdout == "False\n"


def test_a_run_without_a_trade_or_a_bar_has_a_page(tmp_path: Path) -> None:
    own = without_library(run_page(written(tmp_path, result(()), given=inputs(series=()))))

    assert "no trade" in own
    assert "not enough data" in own
    assert "no bars" in own


def test_names_from_outside_stay_text(tmp_path: Path) -> None:
    nasty = "</script><script>alert(1)</script>"

    page = run_page(written(tmp_path, given=inputs(strategies=(nasty,), code_revision=nasty), name="r&<b>"))

    assert "<script>alert" not in page
    assert "r&<b>" not in without_library(page)


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoRunError, match=r"holds no finished run: summary\.json"):
        write_report(tmp_path)


@pytest.mark.req("PLAN-M2-HTML")
def test_the_notebook_is_json_that_reads_the_run(folder: Path) -> None:
    document = json.loads(notebook(folder))

    codes = ["".join(cell["source"]) for cell in document["cells"] if cell["cell_type"] == "code"]
    space: dict[str, object] = {}
    for code in codes[:2]:
        exec(compile(code, "cell", "exec"), space)  # the drawing only needs the library
    assert space["tables"]["orders"].num_rows == 2  # type: ignore[index]
    assert (document["nbformat"], len({cell["id"] for cell in document["cells"]})) == (4, 5)


def test_months_chain_from_the_start_to_the_end_by_hand() -> None:
    day = 86_400 * 10**9
    at = np.asarray(
        [ns(CLOSE) + step * day for step in (0, 20, 40, 320)]
    )  # 2 and 22 March, 11 April, 16 January

    rows = months(at, np.asarray([110.0, 120.0, 90.0, 99.0]), 100.0)

    assert [row["year"] for row in rows] == [2026, 2027]
    first = rows[0]["returns"]
    assert (first[2], first[3], first[12]) == pytest.approx((0.2, -0.25, -0.1))
    assert first[4] is None
    assert (rows[1]["returns"][0], rows[1]["returns"][12]) == pytest.approx((0.1, 0.1))


def test_a_symbol_that_never_traded_has_a_row_all_the_same() -> None:
    instrument = {"key": "IWM", "bars": 5, "adjustment": "unadjusted"}

    (row,) = per_symbol({"instruments": [instrument], "trades": []}, {})

    assert (row["trades"], row["hit_rate"], row["net_usd"]) == (0, None, 0)


def test_a_long_curve_is_thinned_and_keeps_its_ends_its_peak_and_its_fall() -> None:
    values = np.sin(np.arange(50_000) / 700.0)
    values[31_234], values[40_001] = 5.0, -5.0

    picked = thin(values, 400)

    assert len(picked) <= 402
    assert {0, 31_234, 40_001, 49_999} <= set(picked.tolist())
    assert thin(values[:300], 400).tolist() == list(range(300))


def test_figures_are_written_for_people() -> None:
    assert (usd(-1234.5), usd(None)) == ("−1,234.50", "—")
    assert (pct(0.1234), pct(-0.5, 0), number(2.0, 1)) == ("12.34 %", "−50 %", "2.0")
    assert data({"b": "</script>&", "a": 1}) == '{"a":1,"b":"\\u003c/script\\u003e\\u0026"}'
