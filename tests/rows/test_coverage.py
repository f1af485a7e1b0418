"""How much the tests reach is measured weekly, and the figure that was kept last is high enough."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEAST_PCT = 85

pytestmark = pytest.mark.req("PS60-NFR-COV")


def test_the_weekly_campaign_measures_it_and_fails_below_the_least() -> None:
    assert "bash .ci/coverage" in (ROOT / ".ci" / "soak").read_text(encoding="utf-8")
    assert f"--cov-fail-under={LEAST_PCT} " in (ROOT / ".ci" / "coverage").read_text(encoding="utf-8")


def test_the_figure_kept_last_is_high_enough() -> None:
    kept = sorted((ROOT / "docs" / "evidence").glob("*-coverage.md"))[-1].read_text(encoding="utf-8")
    total = re.search(r"^TOTAL +\d+ +\d+ +(\d+)%$", kept, re.MULTILINE)

    assert total is not None
    assert int(total[1]) >= LEAST_PCT
    assert re.search(r"^Revision [0-9a-f]{7,}", kept, re.MULTILINE)
