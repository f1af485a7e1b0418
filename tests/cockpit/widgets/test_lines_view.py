"""Lines that were made past Textual's styles look as Textual itself would have painted them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widget import Widget

import cockpit
from cockpit.spans import Line, Span, Tone
from cockpit.themes import THEME_NAMES, THEMES
from cockpit.widgets.lines_view import LinesView

WORDS: tuple[Line, ...] = (
    tuple(Span(f"{tone.value} ", tone) for tone in Tone),
    (Span("short"),),
    (Span("▲ +1.00 ✓ — 株式", Tone.GAIN), Span("\x1b[31m and \x07", Tone.ERROR)),
    (Span("far too long " * 9, Tone.WARN), Span("end")),
    (),
)


class Focusable(LinesView, can_focus=True):
    """Lines whose border changes with the focus."""


class LinesApp(App[None]):
    """Lines inside each kind of surround that the stylesheets use."""

    CSS = """
    Screen { background: $surface; }
    LinesView { height: 7; background: $background; }
    #boxed { border: round $rule; }
    #boxed:focus { border: round $accent; }
    #ruled { border-top: solid $rule; }
    #padded { padding: 1 2; height: 8; border-left: outer $accent; }
    #low { height: 2; border: round $rule; }
    """

    def __init__(self, theme: str) -> None:
        super().__init__()
        for made in THEMES:
            self.register_theme(made)
        self.theme = theme
        self.views = [Focusable(id=name) for name in ("boxed", "ruled", "padded", "bare", "low")]

    def compose(self) -> ComposeResult:
        yield from self.views


def runs(strips: list[Strip]) -> list[Strip]:
    """Neighbours of one style together: how many pieces a line has is nothing that is seen."""
    return [strip.simplify() for strip in strips]


async def same_as_textual(app: LinesApp, pilot: Pilot[None]) -> None:
    """Every row of every widget, as it is in our cache and as Textual makes it from nothing."""
    await pilot.pause()
    for view in app.views:
        whole = Region(0, 0, *view.outer_size)
        part = Region(3, 0, whole.width - 9, whole.height)
        ours, ours_cut = view.render_lines(whole), view.render_lines(part)
        view._styles_cache.clear()
        assert runs(ours) == runs(Widget.render_lines(view, whole)), view.id
        assert runs(ours_cut) == runs(Widget.render_lines(view, part)), view.id
        assert {strip.cell_length for strip in ours} == {whole.width}


@pytest.mark.parametrize(
    ("theme", "colours"), [*((name, True) for name in THEME_NAMES), (THEME_NAMES[0], False)]
)
async def test_every_line_and_border_is_painted_as_textual_paints_it(
    theme: str, colours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not colours:
        monkeypatch.setenv("NO_COLOR", "1")
    app = LinesApp(theme)
    async with app.run_test(size=(60, 40)) as pilot:
        for view in app.views:
            view.set_lines(WORDS)
            view.set_title(f"{view.id} title")
        await same_as_textual(app, pilot)

        app.views[1].focus()
        app.views[0].set_lines((*WORDS[1:], (Span("new"),)))
        await same_as_textual(app, pilot)

        app.views[0].focus()
        app.views[2].set_title("another")
        await same_as_textual(app, pilot)

        app.theme = THEME_NAMES[0]
        await pilot.resize_terminal(47, 38)
        await same_as_textual(app, pilot)


def test_no_stylesheet_reaches_into_the_lines_themselves() -> None:
    folder = Path(cockpit.__file__).parent
    texts = {path.name: path.read_text(encoding="utf-8") for path in folder.rglob("*.*css")}
    modules = {path.name: path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}
    texts |= {name: text for name, text in modules.items() if "CSS = " in text}

    unknown = re.compile(r"[{;\s](text-opacity|opacity|tint|hatch|outline)(-\w+)?: ")
    assert [name for name, text in texts.items() if unknown.search(text)] == []
