"""What a shell may name and choose before anything is asked of the engine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.api_recovery import RecoveryChoice, RecoveryView
from engine.runtime.process.errors import UsageError
from engine.runtime.shell.orphans import chosen, deed, lines
from tests.cockpit.recovering import AMZN, META, STRANGE, UNKNOWN

WAITING = (META, AMZN, STRANGE)


@pytest.mark.req("CARD-ORPHANS")
@pytest.mark.parametrize("name", ["META", "meta", "position 107113386", "107113386"])
def test_a_row_is_named_by_id_number_or_symbol(name: str) -> None:
    assert chosen(WAITING, [name, "META"], choice=RecoveryChoice.CLOSE, stop=None) == (META,)


@pytest.mark.req("CARD-ORPHANS")
@pytest.mark.parametrize(
    ("names", "choice", "stop", "said"),
    [
        (["TSLA"], RecoveryChoice.CLOSE, None, "does not wait for a decision"),
        (["SPY"], RecoveryChoice.ADOPT, None, "adopt is not offered, only: cancel, foreign"),
        (["META", "AMZN"], RecoveryChoice.ADOPT, 5.0, "name one row"),
        (["META"], RecoveryChoice.CLOSE, 5.0, "name one row"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(
    names: list[str], choice: RecoveryChoice, stop: float | None, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        chosen(WAITING, names, choice=choice, stop=stop)


def test_two_rows_of_one_symbol_must_be_told_apart() -> None:
    other = replace(META, row_id="order 7")

    with pytest.raises(UsageError, match="means more than one row"):
        chosen((META, other), ["META"], choice=RecoveryChoice.FOREIGN, stop=None)


def test_an_adoption_without_any_stop_is_refused() -> None:
    with pytest.raises(UsageError, match="no stop is proposed"):
        chosen((replace(META, stop_price=None),), ["META"], choice=RecoveryChoice.ADOPT, stop=None)


def test_before_the_first_comparison_nothing_is_claimed() -> None:
    assert lines(RecoveryView()) == ["The account was not compared with the broker yet."]


@pytest.mark.req("CARD-ORPHANS")
def test_an_order_of_unknown_fate_can_be_called_never_sent_and_nothing_else_can() -> None:
    choice = RecoveryChoice.NOT_SENT
    assert chosen((*WAITING, UNKNOWN), [UNKNOWN.row_id], choice=choice, stop=None) == (UNKNOWN,)
    assert "never sent; look in TWS first" in deed(UNKNOWN, choice, None)
    with pytest.raises(UsageError, match="not_sent is not offered"):
        chosen(WAITING, ["META"], choice=choice, stop=None)
