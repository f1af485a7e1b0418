"""The report of a run: one page that opens without network, made from what lies in the run's folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.backtest.costs import ZERO
from engine.backtest.data.arrow import floats_of, ints_of
from engine.backtest.ledgers import read_table
from engine.backtest.metrics import LET_THROUGH, falls_of, new_york_days
from engine.backtest.run_directory import MOMENT, SUMMARY, read_json
from engine.config.atomic import write_atomically
from engine.config.layers import flat
from engine.report.charts import curve
from engine.report.page import chart_script, render

REPORT: Final = "report.html"
MOST_TRADES: Final = 1000
"""Listed on the page, the newest; the table on the disk has all."""


def write_report(folder: Path, to: Path | None = None) -> Path:
    """Make the page of a run; it replaces one made before. Returns where it is.

    Raises:
        NoRunError: the folder holds no finished run.
        OSError: it cannot be read or written.
    """
    target = to or folder / REPORT
    write_atomically(target, run_page(folder))
    return target


def run_page(folder: Path) -> str:
    """The page of the run in `folder`; what belongs to the moment stands in one line (`id="moment"`)."""
    summary, moment = read_json(folder, SUMMARY), read_json(folder, MOMENT)
    metrics = summary["metrics"]
    equity = read_table(folder / "equity.parquet")
    at, path = ints_of(equity.column("at")), floats_of(equity.column("equity_usd"))
    initial = float(metrics["initial_usd"])
    trades = summary["trades"]
    symbols = per_symbol(summary, _costs_by_key(folder))
    return render(
        "run.html.j2",
        title=f"Backtest of {', '.join(summary['strategies'])}",
        chart_script=chart_script(),
        strategies=summary["strategies"],
        period=_period(summary["instruments"]),
        unadjusted=summary["unadjusted"],
        halted=summary["halted"],
        metrics=metrics,
        months=months(at, path, initial),
        symbols=symbols,
        costs=_costs(metrics, trades),
        themes=sorted(summary["exposure_by_theme"].items()),
        exits=_counted(metrics["trades"]["exit_reasons"]),
        refusals=_counted(_refusals(folder)),
        not_modelled=summary.get("not_modelled", ()),
        unopened=summary.get("nothing_opened", ()),
        trades=trades[-MOST_TRADES:][::-1],
        trades_left_out=max(0, len(trades) - MOST_TRADES),
        code_revision=summary["code_revision"],
        config_hash=summary["config_hash"],
        data_hash=summary["data_hash"],
        parameters=sorted((".".join(path), value) for path, value in flat(summary["parameters"])),
        charts={
            "equity": curve(at, path, name="equity, USD"),
            "drawdown": curve(at, _drawdown(initial, path), name="below the peak", fill=True, percent=True),
        },
        moment=moment,
    )


def months(at_ns: NDArray[np.int64], equity: NDArray[np.float64], initial_usd: float) -> list[dict[str, Any]]:
    """Return of each month of New York, a row per year of twelve (None without a bar) and the year's own."""
    if not len(equity):
        return []
    month = new_york_days(at_ns).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    last = np.append(np.flatnonzero(np.diff(month)), len(month) - 1)
    before = initial_usd
    rows: dict[int, dict[str, Any]] = {}
    for place in last:
        year, number = divmod(int(month[place]), 12)
        row = rows.setdefault(1970 + year, {"begin": before, "end": before, "returns": [None] * 12})
        now = float(equity[place])
        row["returns"][number] = _change(before, now)
        row["end"] = before = now
    return [
        {"year": year, "returns": [*row["returns"], _change(row["begin"], row["end"])]}
        for year, row in sorted(rows.items())
    ]


def per_symbol(summary: Mapping[str, Any], costs: Mapping[str, tuple[float, float]]) -> list[dict[str, Any]]:
    """A row per instrument: what its closed trades made, and what its fills cost."""
    rows = []
    for instrument in summary["instruments"]:
        key = instrument["key"]
        own = [trade for trade in summary["trades"] if trade["symbol"] == key]
        commission, slippage = costs.get(key, (0.0, 0.0))
        rows.append(
            {
                "key": key,
                "trades": len(own),
                "hit_rate": sum(trade["pnl"] > 0 for trade in own) / len(own) if own else None,
                "gross_usd": sum(trade["gross_usd"] for trade in own),
                "net_usd": sum(trade["pnl"] for trade in own),
                "commission_usd": commission,
                "slippage_usd": slippage,
                "bars": instrument["bars"],
                "adjustment": instrument["adjustment"],
            }
        )
    return rows


def _costs(metrics: Mapping[str, Any], trades: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    gross = sum(trade["gross_usd"] for trade in trades)
    commission, slippage = metrics["costs"]["commission_usd"], metrics["costs"]["slippage_usd"]
    return {
        "gross_usd": gross,
        "open_usd": metrics["pnl_usd"] - gross + commission,
        "per_fill_usd": (commission + slippage) / metrics["fills"] if metrics["fills"] else None,
    }


def _costs_by_key(folder: Path) -> dict[str, tuple[float, float]]:
    fills = read_table(folder / "fills.parquet")
    columns = [fills.column(name).to_pylist() for name in ("key", "commission_usd", "slippage_usd")]
    found: dict[str, tuple[Decimal, Decimal]] = {}
    # Added up here: grouping a table imports pandas, which takes longer than all of the page.
    for key, commission, slippage in zip(*columns, strict=True):
        before = found.get(key, (ZERO, ZERO))
        found[key] = before[0] + commission, before[1] + slippage
    return {key: (float(commission), float(slippage)) for key, (commission, slippage) in found.items()}


def _refusals(folder: Path) -> Mapping[str, int]:
    codes = read_table(folder / "decisions.parquet").column("code").to_pylist()
    return Counter(code for code in codes if code not in LET_THROUGH)


def _counted(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The most frequent first, those that never were left out."""
    return sorted(((code, n) for code, n in counts.items() if n), key=lambda row: (-row[1], row[0]))


def _drawdown(initial_usd: float, equity: NDArray[np.float64]) -> NDArray[np.float64]:
    _, shares = falls_of(np.concatenate(([initial_usd], equity)))
    return -shares[1:]


def _change(before: float, now: float) -> float | None:
    return now / before - 1.0 if before > 0.0 else None


def _period(instruments: Sequence[Mapping[str, Any]]) -> str:
    firsts = [one["first"] for one in instruments if one["first"]]
    lasts = [one["last"] for one in instruments if one["last"]]
    return f"{min(firsts)[:10]} to {max(lasts)[:10]}" if firsts else "no bars"
