"""A notebook that reads a run's folder: the tables as columns, the equity drawn, a place to go on from."""

from __future__ import annotations

import json
from pathlib import Path

_TEXT = """# A backtest, looked into

The tables are Parquet; any tool reads them. `summary.json` says what went in, `run.json` when it was run."""
_READ = """import json
from pathlib import Path

import pyarrow.parquet as pq

run = Path({folder})
summary = json.loads((run / "summary.json").read_text())
names = ("bars", "orders", "fills", "trades", "decisions", "equity")
tables = {{name: pq.read_table(run / f"{{name}}.parquet") for name in names}}
{{name: table.num_rows for name, table in tables.items()}}"""
_METRICS = """summary["metrics"]"""
_DRAW = """import plotly.graph_objects as go

equity = tables["equity"]
at, value = equity["at"].to_pylist(), equity["equity_usd"].to_pylist()
figure = go.Figure(go.Scatter(x=at, y=value, name="equity, USD"))
figure"""
_TRADES = """tables["trades"].sort_by([("net_usd", "descending")]).slice(0, 10).to_pylist()"""


def notebook(folder: Path) -> str:
    """A notebook (format 4.5) that reads the run in `folder`, as JSON text."""
    cells = [
        _cell(0, "markdown", _TEXT),
        *(
            _cell(place, "code", source)
            for place, source in enumerate(
                (_READ.format(folder=repr(str(folder))), _METRICS, _DRAW, _TRADES), start=1
            )
        ),
    ]
    document = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _cell(place: int, kind: str, source: str) -> dict[str, object]:
    cell: dict[str, object] = {
        "id": f"cell-{place}",
        "cell_type": kind,
        "metadata": {},
        "source": source.splitlines(keepends=True),
    }
    return cell if kind == "markdown" else cell | {"execution_count": None, "outputs": []}
