"""The header answers first: is it safe, how real is it, what is the day worth, are the numbers fresh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cockpit import format as fmt
from cockpit.format import clean
from cockpit.frame import (
    BRAKE_WORDS,
    STALE_S,
    Frame,
    blocking_rows,
    hardest_brake,
    told_brakes,
    tone_of_amount,
    tone_of_state,
)
from cockpit.keymap import key_for
from cockpit.panels.panel import Panel
from cockpit.spans import Line, Piece, Span, Tone, ends, fit, line, pad, width_of
from engine.api import AlertView, BrakeKind, BrakeView, EngineState, Level, Mode, Snapshot
from engine.api_handle import SeatView

MOST_BANNERS = 3


class Header(Panel, can_focus=False):
    """Two lines that are always there, and one more for each thing that must be seen now."""

    def __init__(
        self,
        *,
        keys: Mapping[str, str],
        on_recovery: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._keys = keys
        self._on_recovery = on_recovery

    def title_of(self, frame: Frame) -> str:
        """None: the header has no border."""
        return ""

    def build(self, frame: Frame, *, width: int, height: int) -> Sequence[Line]:
        """State, money, then banners; the height follows their number."""
        lines = [state_line(frame, width=width), money_line(frame, width=width)]
        most = MOST_BANNERS if self.app.size.height >= 30 else 2
        made = banners(frame, keys=self._keys, width=width, most=most, on_recovery=self._on_recovery)
        return lines + made

    def show(self, frame: Frame) -> None:
        """Show the lines and take exactly as much height as they need."""
        super().show(frame)
        if self.lines and len(self.lines) != self.size.height:
            self.styles.height = len(self.lines)


def state_line(frame: Frame, *, width: int) -> Line:
    """Mode, account, engine state, entries; at the right the exchange clock."""
    left = _state_pieces(frame, most=max(34, width // 2 - 20))
    right = clock_pieces(frame)
    for worst in range(max(piece.rank for piece in (*left, *right)), -1, -1):
        lefts = fit([piece for piece in left if piece.rank <= worst], width=width)
        rights = fit([piece for piece in right if piece.rank <= worst], width=width)
        if width_of(lefts) + width_of(rights) + 2 <= width:
            return ends(lefts, (*rights, Span(" ")), width=width)
    return fit([piece for piece in left if piece.rank == 0], width=width)


def _state_pieces(frame: Frame, *, most: int) -> list[Piece]:
    snapshot = frame.snapshot
    mode = "DRY RUN" if snapshot.mode is Mode.DRY_RUN else snapshot.mode.value
    if snapshot.gates.stage == "CANARY":
        mode = f"{mode} CANARY"
    if frame.screen.replay:
        mode = f"REPLAY {mode}"
    state = snapshot.engine_state.value
    waiting = len(blocking_rows(snapshot))
    pieces = [
        Piece(0, line(Span(f" {mode} · {snapshot.gateway_text} ", Tone.BADGE))),
        Piece(2, line(Span(snapshot.account or "no account", Tone.TEXT))),
        Piece(
            0, line(Span(f"{state} {waiting}" if waiting else state, tone_of_state(snapshot.engine_state)))
        ),
    ]
    if frame.screen.replay:
        day = fmt.day(snapshot.session.now, time_zone=snapshot.session.time_zone)
        return [*pieces, Piece(0, line(Span(frame.screen.replay, Tone.STRONG), Span(f" {day}", Tone.MUTED)))]
    pieces.append(Piece(0, _entries(snapshot, most=most)))
    pieces += _seat_pieces(frame.screen.seat)
    if snapshot.read_only:
        pieces.append(Piece(1, line(Span("sends nothing", Tone.MUTED))))
    return pieces


def _seat_pieces(seat: SeatView) -> list[Piece]:
    """Who acts; nothing where this is the only screen."""
    if seat.read_only:
        return [Piece(0, line(Span("READ ONLY VIEW", Tone.WARN)))]
    if not seat.acting:
        who = f"pid {seat.holder_pid} acts" if seat.holder_pid else "nobody acts"
        return [Piece(0, line(Span("WATCHING", Tone.WARN))), Piece(2, line(Span(who, Tone.MUTED)))]
    if seat.watchers:
        return [Piece(2, line(Span(f"acting, {seat.watchers} watching", Tone.MUTED)))]
    return []


def _entries(snapshot: Snapshot, *, most: int) -> Line:
    brake = hardest_brake(snapshot)
    if brake is not None:
        return line(Span(f" {BRAKE_WORDS[brake.kind]} ", Tone.ALARM))
    if snapshot.entries_allowed:
        return line(Span(snapshot.entries_text or "entries on", Tone.TEXT))
    text = snapshot.entries_text or "entries blocked"
    return line(Span(pad(text, width=min(most, len(text))), Tone.WARN))


def clock_pieces(frame: Frame) -> list[Piece]:
    """Exchange time, what the session does next, and the speed where it is not real time."""
    session = frame.snapshot.session
    now = fmt.wall_time(session.now, time_zone=session.time_zone)
    zone = fmt.zone_name(session.now, time_zone=session.time_zone)
    pieces = [Piece(1, line(Span(f"{now} {zone}", Tone.STRONG)))]
    if session.speed != 1.0:
        pieces[0] = Piece(1, line(Span(f"{now} {zone} ×{session.speed:g}", Tone.STRONG)))
    if session.is_open and session.closes_in_s is not None:
        pieces.append(Piece(3, line(Span(f"closes in {fmt.duration(session.closes_in_s)}", Tone.MUTED))))
    elif session.is_open is False:
        opens = f", opens in {fmt.duration(session.opens_in_s)}" if session.opens_in_s is not None else ""
        pieces.append(Piece(3, line(Span(f"closed{opens}", Tone.WARN))))
    return pieces


def money_line(frame: Frame, *, width: int) -> Line:
    """What the day is worth, what is at risk, what waits, how fresh the numbers are."""
    snapshot = frame.snapshot
    pnl = snapshot.pnl
    day = f"{fmt.arrowed(pnl.day_usd)}"
    of_nlv = fmt.share(pnl.day_usd, pnl.net_liquidation_usd)
    working = sum(1 for order in snapshot.orders if not order.is_done)
    tone = tone_of_amount(pnl.day_usd)
    pieces = [
        Piece(4, line(Span("NLV ", Tone.MUTED), Span(fmt.number(pnl.net_liquidation_usd), Tone.STRONG))),
        Piece(0, line(Span("day ", Tone.MUTED), Span(day, tone))),
        Piece(5, line(Span(of_nlv, tone))),
        Piece(3, line(Span("stop risk ", Tone.MUTED), Span(fmt.compact(pnl.stop_risk_usd)))),
        Piece(5, _count(len(snapshot.positions), word="position")),
        Piece(3, _count(working, word="order")),
        Piece(
            1,
            line(
                Span(
                    f"{snapshot.unknown_orders} unknown",
                    Tone.ERROR if snapshot.unknown_orders else Tone.MUTED,
                )
            ),
        ),
        Piece(2, _health(snapshot)),
        Piece(1, _alerts(snapshot)),
    ]
    fresh = _data_age(frame)
    left = fit(pieces, width=width - width_of(fresh) - 5)
    return ends((Span(" "), *left), (*fresh, Span(" ")), width=width)


def _count(count: int, *, word: str) -> Line:
    return line(Span(f"{count} {word}{'' if count == 1 else 's'}", Tone.TEXT if count else Tone.MUTED))


def _health(snapshot: Snapshot) -> Line:
    if not snapshot.health:
        return line(Span("health —", Tone.WARN))
    bad = [row.name for row in snapshot.health if row.level not in {Level.OK, Level.INFO}]
    return line(Span(f"health: {', '.join(bad[:2])}", Tone.WARN) if bad else Span("health ✓", Tone.MUTED))


def _alerts(snapshot: Snapshot) -> Line:
    waiting = sum(1 for alert in snapshot.alerts if not alert.acknowledged)
    return line(Span(f"{waiting} alert{'' if waiting == 1 else 's'}", Tone.WARN if waiting else Tone.MUTED))


def _data_age(frame: Frame) -> Line:
    data = frame.snapshot.data_age_s
    if data is None:
        return line(Span("data —", Tone.WARN))
    total = data + (frame.age_s if frame.is_silent else 0.0)
    stale = total > STALE_S
    return line(Span(f"{'stale ' if stale else ''}data {fmt.age(total)}", Tone.WARN if stale else Tone.MUTED))


def banners(
    frame: Frame,
    *,
    keys: Mapping[str, str],
    width: int,
    most: int = MOST_BANNERS,
    on_recovery: bool = False,
) -> list[Line]:
    """Whole lines for what must be seen now, the most urgent first; the last one counts what is left out.

    The recovery screen itself need not say how to get there.
    """
    snapshot = frame.snapshot
    soft = [brake for brake in told_brakes(snapshot) if brake.kind is BrakeKind.PAUSE]
    hard = [brake for brake in told_brakes(snapshot) if brake.kind is not BrakeKind.PAUSE]
    resume, acknowledge = (key_for(name, overrides=keys) for name in ("resume", "acknowledge"))
    loud = sorted(filter(_is_loud, snapshot.alerts), key=lambda alert: alert.level is not Level.CRITICAL)
    texts = _engine_texts(frame, leave=key_for("leave", overrides=keys))
    texts += [(_brake_text(brake, snapshot=snapshot, resume=resume), Tone.ALARM) for brake in hard]
    texts += _link_texts(snapshot)
    texts += [] if on_recovery else _recovery_texts(snapshot, key=key_for("recovery", overrides=keys))
    texts += [(_alert_text(alert, acknowledge=acknowledge), _alert_tone(alert)) for alert in loud]
    texts += [(_brake_text(brake, snapshot=snapshot, resume=resume), Tone.ALARM) for brake in soft]
    is_told = any(snapshot.state_reason in alert.text for alert in loud)
    if snapshot.engine_state is EngineState.BLOCKED and snapshot.state_reason and not is_told:
        texts.append((f"BLOCKED: {snapshot.state_reason}", Tone.WARN))
    hidden = len(texts) - most
    if hidden > 0:
        text, tone = texts[most - 1]
        texts[most - 1] = (f"(+{hidden} more) {text}", tone)
    return [line(Span(pad(f" {clean(text)}", width=width), tone)) for text, tone in texts[:most]]


_DISCONNECTED = (
    "DISCONNECTED: no entries, positions unverified, stops stay at the broker · it tries again by itself"
)


def _link_texts(snapshot: Snapshot) -> list[tuple[str, Tone]]:
    if snapshot.connected:
        return []
    unverified = sum(1 for position in snapshot.positions if not position.is_verified)
    if unverified:
        # In this run the broker was never asked: what is shown is what was stored.
        what = f"{unverified} position{'' if unverified == 1 else 's'} not verified"
        return [(f"READ ONLY · no broker · {what} · it tries again by itself", Tone.ALARM)]
    return [(_DISCONNECTED, Tone.ALARM)]


def _recovery_texts(snapshot: Snapshot, *, key: str) -> list[tuple[str, Tone]]:
    waiting = snapshot.recovery.open_rows
    if not waiting:
        return []
    what = "1 row waits" if len(waiting) == 1 else f"{len(waiting)} rows wait"
    # An order of unknown fate blocks its own symbol, everything else blocks the account.
    blocked = "are blocked"
    if not blocking_rows(snapshot):
        blocked = f"of {', '.join(sorted({row.symbol for row in waiting}))} are blocked"
    return [(f"{what} for your decision, entries {blocked} · {key} recovery", Tone.ALARM)]


def _engine_texts(frame: Frame, *, leave: str) -> list[tuple[str, Tone]]:
    if not frame.screen.engine_alive:
        why = frame.snapshot.state_reason or "no word from it"
        return [
            (
                f"ENGINE GONE ({why}): nothing is managed now, stops at the broker stay · {leave} leave",
                Tone.ALARM,
            )
        ]
    if frame.is_silent:
        return [(f"ENGINE SILENT for {fmt.age(frame.age_s)}: every number here is that old", Tone.ALARM)]
    return []


def _brake_text(brake: BrakeView, *, snapshot: Snapshot, resume: str) -> str:
    since = fmt.wall_time(brake.since, time_zone=snapshot.session.time_zone)
    proof = f" · {brake.proof}" if brake.proof else ""
    what = f"{BRAKE_WORDS[brake.kind]} {brake.scope} {since} by {brake.who}"
    return f"{what}: {brake.reason}{proof} · {resume} resume"


def _is_loud(alert: AlertView) -> bool:
    return not alert.acknowledged and alert.level in {Level.CRITICAL, Level.ERROR}


def _alert_tone(alert: AlertView) -> Tone:
    return Tone.BLINK if alert.level is Level.CRITICAL else Tone.ERROR


def _alert_text(alert: AlertView, *, acknowledge: str) -> str:
    about = f"{alert.symbol} " if not alert.text.startswith(alert.symbol) else ""
    escalated = "ESCALATED " if alert.escalated else ""
    to_do = f" · {alert.to_do}" if alert.to_do else ""
    head = f"{escalated}{alert.level.value.upper()} {about}{alert.text} [{alert.code}]"
    return f"{head}{to_do} · {acknowledge} acknowledge"
