"""Themes: every tone can be read on every background, and nothing blinks but a CRITICAL alert."""

from __future__ import annotations

import math
import re

import pytest
from rich.console import Console
from textual.color import Color
from textual.strip import Strip
from textual.theme import Theme

from cockpit.app import CockpitApp
from cockpit.frame import Frame
from cockpit.panels.header import banners
from cockpit.settings import ColorMode
from cockpit.spans import Tone
from cockpit.themes import DEFAULT_THEME, THEMES, next_theme
from engine.api import Level
from tests.cockpit.conftest import make_app
from tests.cockpit.scripted import NOW, STATES, ScriptedHandle
from tests.cockpit.whole import WHOLE_STATES

TRUE_COLOUR = [theme for theme in THEMES if not theme.ansi]


def contrast(text: str, ground: str) -> float:
    """Contrast ratio as WCAG defines it, 1 to 21."""
    lights = sorted(_luminance(Color.parse(name)) for name in (text, ground))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(color: Color) -> float:
    return 0.2126 * _linear(color.r) + 0.7152 * _linear(color.g) + 0.0722 * _linear(color.b)


def _linear(channel: int) -> float:
    part = channel / 255
    return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4


@pytest.mark.parametrize("theme", TRUE_COLOUR, ids=lambda theme: theme.name)
@pytest.mark.parametrize(
    "name", ["gain", "loss", "muted", "strong", "warning", "error", "accent", "foreground"]
)
def test_every_tone_is_readable_on_background_surface_and_cursor(theme: Theme, name: str) -> None:
    text = theme.variables.get(name) or str(getattr(theme, name))

    for ground in (str(theme.background), str(theme.surface), theme.variables["cursor"]):
        assert contrast(text, ground) >= 4.5, f"{name} {text} on {ground}"


@pytest.mark.parametrize("theme", TRUE_COLOUR, ids=lambda theme: theme.name)
def test_alarm_and_badge_are_readable(theme: Theme) -> None:
    assert contrast(theme.variables["on-alarm"], theme.variables["alarm"]) >= 4.5
    assert contrast(theme.variables["on-badge"], theme.variables["badge"]) >= 4.5
    assert contrast(theme.variables["on-cursor"], theme.variables["cursor"]) >= 4.5


def as_seen_without_green(name: str) -> tuple[float, float, float]:
    """The colour (linear light, 0 to 1) as somebody sees it whose green cones are missing.

    By the matrix of Vienot, Brettel and Mollon (1999) for deuteranopia, in linear RGB.
    """
    red, green, blue = (_linear(channel) for channel in Color.parse(name).rgb)
    both = 0.29275 * red + 0.70725 * green - 0.02978 * blue
    return both, both, -0.02234 * red + 0.02234 * green + blue


def apart(first: str, second: str) -> float:
    """How far two colours are from each other for such an eye: 0 the same, about 1.7 black and white."""
    return math.dist(as_seen_without_green(first), as_seen_without_green(second))


def test_the_safe_theme_keeps_gain_and_loss_apart_for_eyes_without_green() -> None:
    safe = next(theme for theme in THEMES if theme.name == DEFAULT_THEME)

    assert apart(safe.variables["gain"], safe.variables["loss"]) > 0.5
    assert apart("#7fc08a", "#ef8686") < 0.3, "green against red is what it is not"
    assert apart(str(safe.error), str(safe.success)) > 0.5


@pytest.mark.parametrize("color", [ColorMode.ANSI, ColorMode.NONE])
async def test_sixteen_colours_are_the_terminals_own_and_no_colour_is_none(color: ColorMode) -> None:
    app = make_app(ScriptedHandle(WHOLE_STATES["disconnected"]), color=color)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        for keys in (["r"], ["escape", "K"], ["escape", "6"], ["ctrl+p"]):
            await pilot.press(*keys)
            await pilot.pause()
            assert strange_codes(app, color) == set(), keys


PLAIN = {*range(10), 39, 49}
"""Reset, bold, dim, italic, underlined, blinking, turned, and the terminal's own two colours."""
SIXTEEN = PLAIN | {*range(30, 38), *range(40, 48), *range(90, 98), *range(100, 108)}


def strange_codes(app: CockpitApp, color: ColorMode) -> set[str]:
    """The codes for looks in a whole picture that this many colours do not need."""
    console = Console(color_system="truecolor", force_terminal=True, width=app.size.width)
    strips = app.screen._compositor.render_strips()
    written = "".join(Strip(row).render(console) for row in strips)
    known = PLAIN if color is ColorMode.NONE else SIXTEEN
    codes = {code for group in re.findall("\x1b\\[([0-9;]*)m", written) for code in group.split(";")}
    return {code for code in codes if code and int(code) not in known}


async def test_without_colours_what_must_be_seen_is_turned_over() -> None:
    app = make_app(ScriptedHandle(WHOLE_STATES["disconnected"]), color=ColorMode.NONE)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        turned = {
            segment.text.strip()
            for row in app.screen._compositor.render_strips()
            for segment in row
            if segment.style is not None and segment.style.reverse
        }

    assert any("ENGINE SILENT" in text for text in turned)
    assert any(text.startswith("PAPER") for text in turned)


def test_an_unknown_theme_is_followed_by_the_first() -> None:
    assert next_theme("nobody's") == THEMES[0].name


def test_only_an_unacknowledged_critical_blinks() -> None:
    blinking = {
        name: [
            span.text
            for line in banners(Frame(state, NOW), keys={}, width=120)
            for span in line
            if span.tone is Tone.BLINK
        ]
        for name, state in STATES.items()
    }

    assert [name for name, texts in blinking.items() if texts] == ["disconnected"]
    critical = [alert for alert in STATES["disconnected"].alerts if alert.level is Level.CRITICAL]
    assert len(blinking["disconnected"]) == len(critical) == 1
