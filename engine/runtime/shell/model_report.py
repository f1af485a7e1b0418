"""Behind `cockpit model report`: a page and a JSON file of everything that was learnt in an account."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.config.atomic import write_atomically
from engine.runtime.learning.recall import believed
from engine.runtime.process.errors import FailedError
from engine.runtime.shell.state_tools import the_database
from engine.store.errors import StoreError
from engine.store.learning_record import ContractRecord, LearningRecord, load_learning

if TYPE_CHECKING:
    from engine.learning.estimator import Plain

Say = Callable[[str], None]


def report_models(state_dir: Path, account: str, *, to: Path | None, as_json: bool, say: Say) -> int:
    """Write the page and, beside it, its figures; with `as_json` only say the figures. Reads only.

    Raises:
        UsageError: no (single) account is meant.
        FailedError: the store cannot be read, or the page not written.
    """
    database = the_database(state_dir, account)
    try:
        record = load_learning(database)
    except StoreError as err:
        raise FailedError(f"what was learnt cannot be read: {err}.") from err
    figures = figures_of(record)
    if as_json:
        say(_json(figures))
        return 0
    from engine.report.model_page import model_page

    target = to or database.parent / "model.html"
    page = model_page(figures, record.contracts, made_at=datetime.now(UTC))
    try:
        write_atomically(target, page)
        write_atomically(target.with_suffix(".json"), _json(figures))
    except OSError as err:
        raise FailedError(f"the report could not be written to {target}: {err}.") from err
    count = len(figures["contracts"])
    say(
        f"{target}: what was learnt of {count} contract{'' if count == 1 else 's'}; figures beside it as JSON"
    )
    return 0


def figures_of(record: LearningRecord) -> dict[str, Any]:
    """All figures, as JSON can hold them."""
    contracts = [_contract(one) for one in record.contracts]
    return {"gateway": record.gateway, "account": record.account, "contracts": contracts}


def _contract(record: ContractRecord) -> dict[str, Any]:
    from engine.learning.plain import StateError
    from engine.report.model_figures import contract_figures

    state, troubles = _newest(record)
    try:
        return contract_figures(record, state, "; ".join(troubles))
    except StateError as err:
        return contract_figures(record, None, f"the stored model is no model: {err}")


def _newest(record: ContractRecord) -> tuple[Mapping[str, Plain] | None, list[str]]:
    """The newest state that can be believed, and why newer ones cannot."""
    troubles: list[str] = []
    for row in record.models:
        state = believed(row, troubles)
        if state is not None:
            return state, troubles
    return None, troubles


def _json(figures: Mapping[str, Any]) -> str:
    return json.dumps(figures, allow_nan=False, indent=2) + "\n"
