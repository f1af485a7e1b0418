"""Every gate is green only on its evidence, and each missing piece is named by its own row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.gates.case import GateRow, GateRules, Verdict
from engine.gates.day import BREACHES, Day, read_day
from engine.gates.evidence import Evidence, Kind
from engine.gates.verdict import best, judge
from tests.gates.building import CI, NOW, ON, WEEKDAYS, case, day, day_piece, drill, piece


def _row(of: object, code: str) -> GateRow:
    return next(row for row in judge(of).rows if row.code == code)  # type: ignore[arg-type]


@pytest.mark.req("REQ-M1", "247-GATE-1", "247-GATE-2", "247-GATE-3", "247-GATE-4")
def test_with_everything_proven_nothing_is_missing() -> None:
    report = judge(case())

    assert report.missing == ()
    assert report.is_green
    assert len({row.code for row in report.rows}) == len(report.rows) == 19


def test_with_nothing_proven_everything_is_missing_but_a_valid_configuration() -> None:
    report = judge(case([], (), ci=None, live_enabled=False, switches={}))

    assert [row.code for row in report.rows if row.verdict.opens] == ["config"]
    assert all(row.text for row in report.rows)


TAKEN_AWAY = [
    ("live_enabled", {"live_enabled": False}),
    ("ci", {"ci": None, "ci_problem": "no file"}),
    ("ci", {"ci": CI._replace(code="0ther")}),
    ("ci", {"ci": CI._replace(failed=1)}),
    ("ci", {"ci": CI._replace(passed=0)}),
    ("telemetry", {"switches": ON | {"telemetry": "it is off"}}),
    ("alerts", {"switches": ON | {"alerts": "alerts.channels is empty"}}),
    ("jitter", {"switches": {"telemetry": "", "alerts": "", "secrets": ""}}),
    ("secrets", {"switches": ON | {"secrets": "gateway: changed 91 days ago"}}),
    ("accept_speed", {"ci": CI._replace(rows={**CI.rows, "PS60-ACC-8": False})}),
    ("accept_recovery", {"ci": CI._replace(rows={k: True for k in CI.rows if k != "PS60-ACC-2"})}),
    ("kill_drill", {"extra": ()}),
    ("kill_drill", {"extra": (drill(passed=False),)}),
    ("kill_drill", {"extra": (drill(config="0ther"),)}),
    ("kill_drill", {"extra": (drill(code="0ther"),)}),
    ("kill_drill", {"extra": (drill(at=NOW - timedelta(days=31)),)}),
    ("kill_drill", {"extra": (drill(at=NOW + timedelta(days=1)),)}),
    ("kill_drill", {"extra": (drill(), drill(at=NOW, passed=False))}),
    ("kill_drill", {"extra": (drill(facts={"orders": 5, "cancel_s": 10.1, "proposals_stop_ms": 1}),)}),
    ("kill_drill", {"extra": (drill(facts={"orders": 5, "cancel_s": 1.0, "proposals_stop_ms": 51}),)}),
    ("kill_drill", {"extra": (drill(facts={"orders": 0, "cancel_s": 1.0, "proposals_stop_ms": 1}),)}),
    ("kill_drill", {"extra": (drill(facts={"orders": 5}),)}),
    ("kill_drill", {"extra": (drill(mode="DRY_RUN"),)}),
]


@pytest.mark.req("REQ-M1", "247-GATE-1", "247-GATE-3", "247-GATE-4")
@pytest.mark.parametrize(("code", "changes"), TAKEN_AWAY)
def test_each_missing_piece_blocks_by_the_name_of_its_gate(code: str, changes: dict[str, object]) -> None:
    found = judge(case(**changes))  # type: ignore[arg-type]

    assert code in [row.code for row in found.missing]
    assert not found.is_green


@pytest.mark.req("247-GATE-2")
def test_six_days_are_not_seven_and_a_breach_starts_the_count_anew() -> None:
    assert _row(case([day(of) for of in WEEKDAYS[-6:]]), "paper_days").text == "6 of 7"

    breached = [day(of, breaches=("naked",) if n == 2 else ()) for n, of in enumerate(WEEKDAYS)]
    row = _row(case(breached), "paper_days")
    assert (row.verdict, row.text) == (Verdict.FAILED, "5 of 7; before them 2026-11-13: naked")


@pytest.mark.req("247-GATE-2")
def test_an_alert_that_came_late_on_one_of_the_days_blocks_and_so_does_none_that_was_measured() -> None:
    late = [day(of, worst_alert_s=5.1 if n == 7 else 0.2) for n, of in enumerate(WEEKDAYS)]
    assert _row(case(late), "alerts_on_time").verdict is Verdict.FAILED

    silent = [day(of, alerts=0, worst_alert_s=0.0) for of in WEEKDAYS]
    assert _row(case(silent), "alerts_on_time").verdict is Verdict.MISSING


@pytest.mark.req("247-GATE-2")
@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ({"crashes": 1}, "1 crash(es)"),
        ({"errors": 2}, "2 log record(s)"),
        ({"left_open": ("SPY",)}, "SPY"),
        ({"present_s": 6.5 * 3600 * 0.998}, "minutes"),
        ({"seen_close": False}, "close of the session"),
        ({"breaches": ("cap_breach",)}, "cap_breach"),
        ({"next_day": None}, ""),
    ],
)
def test_a_day_that_is_not_full_and_clean_ends_the_streak(spoilt: dict[str, object], said: str) -> None:
    days = [day(of, **(spoilt if n == 4 else {})) for n, of in enumerate(WEEKDAYS)]

    row = _row(case(days), "clean_days")

    assert (row.verdict, row.text[:6]) == (Verdict.MISSING, "3 of 5")
    assert said in row.text


def test_days_with_a_trading_day_between_them_do_not_follow_each_other() -> None:
    row = _row(case([day(of) for of in WEEKDAYS if of != WEEKDAYS[4]]), "clean_days")

    assert row.text == "3 of 5; before them 2026-11-16: not the trading day before"


@pytest.mark.req("247-GATE-3")
def test_the_day_of_a_drill_proves_nothing_and_spoils_nothing_unless_more_went_wrong() -> None:
    inside = drill(at=day(WEEKDAYS[-3]).opens + timedelta(hours=1))

    def texts(**changes: object) -> tuple[str, str]:
        days = [day(of, **(changes if n == 5 else {})) for n, of in enumerate(WEEKDAYS)]
        found = case(days, (inside,))
        return _row(found, "clean_days").text, _row(found, "paper_days").text

    assert texts() == ("7 of 5", "7 of 7")
    assert texts(errors=3) == ("7 of 5", "7 of 7"), "a KILL is told as CRITICAL"
    assert texts(crashes=1)[0].startswith("2 of 5")
    assert texts(breaches=("naked",))[1].startswith("2 of 7")
    assert _row(case(extra=(inside,)), "kill_drill").verdict is Verdict.GREEN


def test_a_day_that_cannot_be_read_may_have_been_a_breach() -> None:
    days = [day_piece(day(of)) for of in WEEKDAYS]
    days[3] = days[3]._replace(facts={})

    assert _row(case([], (*days, drill())), "paper_days").text == "4 of 7"


def test_old_days_do_not_count() -> None:
    row = _row(case(now=NOW + timedelta(days=27)), "clean_days")

    assert row.text.startswith("3 of 5")


ORIGINS = st.sampled_from(
    [
        {"gateway": "embedded"},
        {"mode": "LIVE"},
        {"mode": "DRY_RUN"},
        {"speed": 5.0},
        {"speed": 0.0},
        {"account": "U777"},
        {"account": "DU999"},
        {"account": ""},
    ]
)


@pytest.mark.req("REQ-M1", "247-GATE-2", "247-GATE-3")
@given(st.lists(st.tuples(st.sampled_from([*WEEKDAYS, None]), ORIGINS), min_size=1, max_size=12))
def test_simulated_fast_live_or_foreign_evidence_never_counts(
    pieces: list[tuple[object, dict[str, object]]],
) -> None:
    made: list[Evidence] = [
        drill(**origin) if of is None else day_piece(day(of), **origin)  # type: ignore[arg-type]
        for of, origin in pieces
    ]

    report = judge(case([], made))

    for code in ("clean_days", "paper_days", "alerts_on_time", "kill_drill"):
        row = next(r for r in report.rows if r.code == code)
        assert row.verdict is Verdict.MISSING, row


DAYS = st.lists(
    st.tuples(
        st.sampled_from([{}, {}, {}, {"errors": 1}, {"crashes": 1}, {"breaches": ("naked",)}]), st.booleans()
    ),
    max_size=14,
)


@pytest.mark.req("247-GATE-2")
@given(DAYS, st.integers(5, 7), st.integers(7, 9))
def test_green_days_are_exactly_the_last_ones_and_each_of_them_is_clean(
    made: list[tuple[dict[str, object], bool]], clean: int, paper: int
) -> None:
    start = WEEKDAYS[0] - timedelta(days=14)
    days: list[Day] = []
    for n, (spoilt, traded) in enumerate(made):
        of = start + timedelta(days=n)
        if traded:
            days.append(day(of, next_day=of + timedelta(days=1), **spoilt))
    rules = GateRules(clean_days=clean, paper_days=paper)

    report = judge(case(days, rules=rules))

    rows = {row.code: row.verdict for row in report.rows}
    last = days[-clean:]
    follows = all((b.day - a.day).days == 1 for a, b in pairwise(last))
    is_clean = all(not (d.errors or d.crashes or d.breaches) for d in last)
    assert (rows["clean_days"] is Verdict.GREEN) is (len(last) == clean and follows and is_clean)
    unbreached = len(days[-paper:]) == paper and not any(d.breaches for d in days[-paper:])
    assert (rows["paper_days"] is Verdict.GREEN) is unbreached


def _waiver(**changes: object) -> Evidence:
    at = NOW - timedelta(days=1)
    facts = {"until": (at + timedelta(days=5)).isoformat(), "reason": "the adviser said so"}
    return piece(Kind.WAIVER, **{"facts": facts, "subject": "kill_drill", "at": at, "mode": "", **changes})


def test_a_waiver_covers_one_gate_until_it_expires_and_is_shown() -> None:
    held = case(extra=(_waiver(),))
    row = _row(held, "kill_drill")

    assert (row.verdict, row.verdict.opens) == (Verdict.WAIVED, True)
    assert "the adviser said so" in row.text
    assert "none was done" in row.text
    assert judge(held).is_green
    assert not judge(replace(held, now=NOW + timedelta(days=4))).is_green


@pytest.mark.parametrize(
    "changes",
    [
        {"facts": {"until": (NOW + timedelta(days=30)).isoformat(), "reason": "for ever"}},
        {"facts": {"until": (NOW + timedelta(days=3)).isoformat(), "reason": " "}},
        {"facts": {"until": "tomorrow", "reason": "because"}},
        {"facts": {"reason": "because"}},
        {"at": NOW + timedelta(hours=1)},
        {"passed": False},
        {"account": "DU999"},
        {"subject": "clean_days"},
    ],
)
def test_a_waiver_that_is_too_long_without_reason_or_of_another_account_covers_nothing(
    changes: dict[str, object],
) -> None:
    assert not judge(case(extra=(_waiver(**changes),))).is_green


def test_what_is_a_line_of_the_configuration_cannot_be_waived() -> None:
    waiver = _waiver(subject="live_enabled")

    assert [r.code for r in judge(case(extra=(drill(), waiver), live_enabled=False)).missing] == [
        "live_enabled"
    ]


def test_the_account_that_lacks_least_is_shown_and_two_are_never_added_up() -> None:
    half = judge(case([day(of) for of in WEEKDAYS[:4]]))
    other = judge(case([day(of) for of in WEEKDAYS[4:]], ()))

    assert best([other, half]) is half
    assert not half.is_green


def test_a_day_reads_back_as_it_was_written_and_damage_is_no_day() -> None:
    whole = day(WEEKDAYS[0], breaches=("naked",), left_open=("SPY",), crashes=2)

    assert read_day(whole.facts()) == whole
    for name in ("day", "opens", "closes", "breaches", "left_open", "present_s", "crashes", "errors"):
        assert read_day({**whole.facts(), name: None}) is None
        assert read_day({**whole.facts(), name: float("inf")}) is None


def test_every_breach_is_a_code_of_the_catalogue() -> None:
    from engine.runtime.alerts.catalogue import CATALOGUE

    assert set(CATALOGUE) >= BREACHES
