"""The service file: started when the engine says so, watched, and not restarted against a safety rule."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import pytest

from engine.runtime.process.errors import RefusedError, UsageError
from engine.runtime.upkeep import ROUND_S

UNIT = Path(__file__).resolve().parents[2] / "deploy" / "cockpit.service"


@pytest.fixture
def service() -> dict[str, str]:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys of systemd have capitals
    parser.read(UNIT, encoding="utf-8")
    return dict(parser["Service"])


def test_it_counts_as_started_when_the_engine_says_so_and_a_loop_that_hangs_is_restarted(
    service: dict[str, str],
) -> None:
    assert service["Type"] == "notify"
    assert service["Restart"] == "on-failure"
    assert float(service["WatchdogSec"]) >= 10 * ROUND_S, "a slow round is no hang"


def test_what_a_person_must_settle_is_not_restarted(service: dict[str, str]) -> None:
    assert {int(code) for code in service["RestartPreventExitStatus"].split()} == {
        UsageError.exit_code,
        RefusedError.exit_code,
    }


def test_it_trades_no_real_money_by_itself_and_leaves_in_order(service: dict[str, str]) -> None:
    assert service["ExecStart"].split()[1:] == ["--paper", "--headless"]
    assert service["ExecStop"].split()[1:] == ["stop"]
    assert service["UMask"] == "0077"
