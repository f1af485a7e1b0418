"""What settling would send, and how a difference is known, in words from the present snapshot. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from cockpit import format as fmt
from cockpit.frame import Frame, tone_of_amount
from cockpit.previews import Preview, find_position, labelled
from cockpit.recovery import Decision, excess_of, is_current, last_price, multiplier_of, stop_of
from cockpit.spans import Line, Span, Tone, line
from engine.api import Snapshot
from engine.api_recovery import RecoveryChoice, RecoveryRow


def row_key(row: RecoveryRow) -> str:
    """Names a line on screen: what is ours and what is left alone of one instrument are two lines."""
    return f"{row.row_id} {row.kind}"


def row_at(snapshot: Snapshot, key: str) -> RecoveryRow | None:
    """The row of a line, as it stands now."""
    return next((row for row in snapshot.recovery.rows if row_key(row) == key), None)


def row_of(snapshot: Snapshot, row_id: str) -> RecoveryRow | None:
    """The row as it stands now; of two with that id the one that waits, which stands first."""
    return next((row for row in snapshot.recovery.rows if row.row_id == row_id), None)


def settle_preview(snapshot: Snapshot, *, decisions: Mapping[str, Decision]) -> Preview:
    """Per row what will be sent; a row that changed meanwhile forbids the whole."""
    lines: list[Line] = []
    possible = not snapshot.recovery.settling
    if snapshot.recovery.settling:
        lines += labelled("wait", "earlier decisions are being carried out", tone=Tone.WARN)
    for row_id, decision in decisions.items():
        row = row_of(snapshot, row_id)
        if row is None or not is_current(decision, row):
            possible = False
            name = row.symbol if row is not None else row_id
            text = f"{name} is no longer what you decided about: esc, look, choose again"
            lines += labelled("CHANGED", text, tone=Tone.ERROR)
        else:
            lines += _decided_lines(row, decision, snapshot=snapshot)
    rest = len(snapshot.recovery.open_rows) - len(decisions)
    then = (
        f"{rest} undecided: entries stay blocked"
        if rest > 0
        else "nothing waits any more: entries go on as soon as nothing else blocks them"
    )
    return Preview((*lines, *labelled("then", then)), possible=possible)


def _decided_lines(row: RecoveryRow, decision: Decision, *, snapshot: Snapshot) -> list[Line]:
    match decision.choice:
        case RecoveryChoice.ADOPT:
            return _adopt_lines(row, stop_of(row, decision), snapshot=snapshot)
        case RecoveryChoice.CLOSE:
            return _close_lines(row, snapshot=snapshot)
        case RecoveryChoice.FOREIGN:
            text = f"{_held(row)}: nothing is sent, left alone for good"
            return labelled("foreign", text, tone=Tone.STRONG)
        case RecoveryChoice.CANCEL:
            lines = labelled("cancel", f"{row.symbol} {row.broker_text}", tone=Tone.STRONG)
            return lines + labelled("", "asks the broker; what is filled already stays")
        case RecoveryChoice.NOT_SENT:
            lines = labelled("not sent", f"{row.symbol} {row.ours_text}", tone=Tone.STRONG)
            text = "nothing is sent; it stops counting in the limits. Only if TWS does not show it"
            return lines + labelled("", text, tone=Tone.WARN)


def _adopt_lines(row: RecoveryRow, stop: float | None, *, snapshot: Snapshot) -> list[Line]:
    lines = labelled("adopt", _held(row), tone=Tone.STRONG)
    if stop is None or not excess_of(row):
        return lines
    shown = fmt.price(stop, decimals=row.decimals)
    lines += labelled("sends", f"{_against(row)} STP {shown} GTC, a protective stop at the broker")
    last, multiplier = last_price(snapshot, row), multiplier_of(snapshot, row)
    if last is None or multiplier is None:
        return lines + labelled("", "no price now: what the stop would cost is not known", tone=Tone.WARN)
    at_stop = (stop - last) * excess_of(row) * multiplier
    now = fmt.price(last, decimals=row.decimals)
    text = f"if it is hit: {fmt.signed(at_stop)} from the present {now}"
    return lines + labelled("", text, tone=tone_of_amount(at_stop))


def _close_lines(row: RecoveryRow, *, snapshot: Snapshot) -> list[Line]:
    lines = labelled("close", _held(row), tone=Tone.STRONG)
    price = fmt.price(last_price(snapshot, row), decimals=row.decimals)
    lines += labelled("sends", f"{_against(row)} MKT ≈ {price}, can only reduce")
    known = row.unrealized_usd is not None
    text = (
        f"books ≈ {fmt.signed(row.unrealized_usd)}, before fees and slippage" if known else "result not known"
    )
    return lines + labelled("", text, tone=tone_of_amount(row.unrealized_usd))


def _held(row: RecoveryRow) -> str:
    return f"{row.symbol} {row.broker_text}"


def _against(row: RecoveryRow) -> str:
    """Side and size of an order that takes the position back to nothing."""
    held = excess_of(row)
    return f"{'SELL' if held > 0 else 'BUY'} {abs(held):g}"


def stop_preview(snapshot: Snapshot, *, row_id: str) -> Preview:
    """What is to be known before one types a stop."""
    row = row_of(snapshot, row_id)
    if row is None or RecoveryChoice.ADOPT not in row.choices:
        return Preview(tuple(labelled("gone", "there is nothing to adopt any more")), possible=False)
    last = last_price(snapshot, row)
    proposed = fmt.price(row.stop_price, decimals=row.decimals)
    made_of = f" ({row.stop_text})" if row.stop_text else ""
    lines = labelled(
        "position", f"{_held(row)}, now {fmt.price(last, decimals=row.decimals)}", tone=Tone.STRONG
    )
    lines += labelled("proposed", f"{proposed}{made_of}")
    side = "below" if excess_of(row) > 0 else "above"
    grid = f"in steps of {row.tick:g}" if row.tick is not None else f"{row.decimals} decimals"
    lines += labelled("must lie", f"{side} the price, {grid}")
    return Preview(tuple(lines))


def abort_preview(snapshot: Snapshot) -> Preview:
    """What leaving instead of settling means."""
    held = [f"{p.symbol} {fmt.number(p.quantity, decimals=0)}" for p in snapshot.positions if p.quantity]
    lines = labelled("ends", "the engine, with exit code 4", tone=Tone.STRONG)
    lines += labelled("sends", "nothing: no order, no cancel")
    lines += labelled("stay", f"{', '.join(held) or 'no positions'}; stops at the broker work on")
    lines += labelled("then", "the next start compares again and asks again")
    return Preview(tuple(lines))


def evidence_lines(frame: Frame, *, key: str) -> list[Line]:
    """Everything that is known of one difference."""
    row = row_at(frame.snapshot, key)
    if row is None:
        return labelled("gone", "this difference does not exist any more")
    lines = [*fact_lines(row, frame=frame), line(), line(Span(f"Evidence {len(row.evidence)}", Tone.ACCENT))]
    for text in row.evidence or ("none was recorded",):
        lines += labelled("", text)
    lines += [line(), line(Span("Identity", Tone.ACCENT))]
    return lines + labelled("", row.row_id) + labelled("", f"stamp {row.stamp}" if row.stamp else "no stamp")


def fact_lines(row: RecoveryRow, *, frame: Frame, width: int = 70) -> list[Line]:
    """What both sides say of one row, with labels, in `width` cells."""
    snapshot = frame.snapshot
    zone = snapshot.session.time_zone
    since = fmt.moment(row.since, now=snapshot.session.now, time_zone=zone) if row.since else "unknown"
    lines = labelled("we knew", row.ours_text, width=width)
    lines += labelled("broker has", f"{row.broker_text}{_worth(row, snapshot)}", width=width)
    lines += labelled("difference", f"{row.difference} · since {since}", width=width, tone=Tone.STRONG)
    lines += labelled("last order", row.last_order or "none known", width=width)
    made_of = f" ({row.stop_text})" if row.stop_text else ""
    return lines + labelled("proposal" if row.choices else "done", f"{row.proposal}{made_of}", width=width)


def _worth(row: RecoveryRow, snapshot: Snapshot) -> str:
    if row.broker is None:
        return ""
    position = find_position(snapshot, row.symbol)
    at = f" @ {fmt.price(position.avg_price, decimals=row.decimals)}" if position is not None else ""
    last = last_price(snapshot, row)
    now = f", now {fmt.price(last, decimals=row.decimals)}" if last is not None else ""
    known = row.unrealized_usd is not None
    return f"{at}{now}" + (f", unrealised {fmt.arrowed(row.unrealized_usd)}" if known else "")
