"""No broker at start: whose stored state is opened, and what happens where there is none."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from engine.api import Mode
from engine.config import Config
from engine.runtime.boot import known_account, recognise
from engine.runtime.clock import SystemClock
from engine.runtime.guards.lag import LoopLagProbe
from engine.runtime.process.errors import FailedError
from engine.runtime.process.options import GatewayEndpoint, RunOptions
from engine.runtime.process.paths import DATABASE

NOWHERE = GatewayEndpoint("tws", "127.0.0.1", 1)


def _state(folder: Path, name: str, *, written_s: float) -> None:
    (folder / name).mkdir()
    (folder / name / DATABASE).touch()
    os.utime(folder / name / DATABASE, (written_s, written_s))


def _options(folder: Path) -> RunOptions:
    return RunOptions(Mode.PAPER, False, "run", folder, NOWHERE, SystemClock(), LoopLagProbe(), "0")


def test_the_account_used_last_is_the_one_that_is_shown(tmp_path: Path) -> None:
    _state(tmp_path, "tws-DU1", written_s=1_000)
    _state(tmp_path, "tws-DU2", written_s=2_000)
    _state(tmp_path, "embedded-DU9", written_s=3_000)

    assert known_account(tmp_path, "") == "DU2"
    assert known_account(tmp_path, "DU1") == "DU1"
    assert known_account(tmp_path, "DU7") == ""


@pytest.mark.req("RECOVERY-RISK-2")
async def test_where_no_broker_answers_the_stored_account_is_opened_and_without_one_it_says_so(
    tmp_path: Path,
) -> None:
    config = Config()
    with pytest.raises(FailedError, match="no account to trade"):
        await recognise(config, _options(tmp_path))
    _state(tmp_path, "tws-DU1", written_s=1_000)

    opened = await recognise(config, _options(tmp_path))

    assert opened.gateway == replace(NOWHERE, account="DU1")
