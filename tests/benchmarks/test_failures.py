"""A benchmark that fails, and a bar that causes no order, cost nothing of what was measured beside them."""

from __future__ import annotations

import sys
from typing import cast

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks.echo import EchoClient
from benchmarks.figures import Figure
from benchmarks.tick_to_order import WARM_UP, Market, take_samples
from tests.virtual_time import virtual


def test_one_that_fails_ends_none_of_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measured(name: str, *, quick: bool) -> list[Figure]:
        if name == "gate":
            raise SystemExit("the engine never traded")
        return [Figure(name, 1.0, "x", 2.0)]

    monkeypatch.setattr(benchmarks, "measured", measured)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "queues", "gate", "recovery", "--quick"])

    assert benchmarks.main() == 1

    said = capsys.readouterr()
    assert [line.split()[0] for line in said.out.splitlines()] == ["queues", "recovery"]
    assert "the engine never traded" in said.err
    assert said.err.rstrip().endswith("failed, and measured nothing: gate")


def test_whoever_asks_for_help_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmarks, "measured", lambda name, *, quick: pytest.fail(f"{name} was run"))
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--help"])

    assert benchmarks.main() == 0

    said = capsys.readouterr().out
    assert all(name in said for name in benchmarks.NAMES)


class _Market:
    """Answers a bar after 2 ms, or not at all where `refuses` says so."""

    def __init__(self, refused: frozenset[int]) -> None:
        self.asked, self._refused = 0, refused

    async def bar(self) -> float:
        self.asked += 1
        if self.asked in self._refused:
            raise TimeoutError
        return 0.002


class _Echo:
    async def ask(self) -> None:
        """At once."""


async def _orders_s(refused: frozenset[int], samples: int) -> list[float]:
    market = cast(Market, _Market(refused))
    return (await take_samples(market, cast(EchoClient, _Echo()), samples))[0]


@virtual
async def test_a_bar_that_is_refused_is_made_up_for() -> None:
    assert await _orders_s(frozenset({WARM_UP + 2, WARM_UP + 5}), 10) == [0.002] * 10


@virtual
async def test_many_refused_bars_are_a_failure_and_not_a_figure() -> None:
    with pytest.raises(TimeoutError):
        await _orders_s(frozenset(range(WARM_UP, WARM_UP + 9)), 10)
