"""Themes: every tone can be read on every background, and nothing blinks but a CRITICAL alert."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from cockpit.frame import Frame
from cockpit.panels.header import banners
from cockpit.spans import Tone
from cockpit.themes import THEMES, next_theme
from engine.api import Level
from tests.cockpit.scripted import NOW, STATES

TRUE_COLOUR = [theme for theme in THEMES if not theme.ansi]


def contrast(text: str, ground: str) -> float:
    """Contrast ratio as WCAG defines it, 1 to 21."""
    lights = sorted(_luminance(Color.parse(name)) for name in (text, ground))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(color: Color) -> float:
    def linear(channel: int) -> float:
        part = channel / 255
        return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(color.r) + 0.7152 * linear(color.g) + 0.0722 * linear(color.b)


@pytest.mark.parametrize("theme", TRUE_COLOUR, ids=lambda theme: theme.name)
@pytest.mark.parametrize(
    "name", ["gain", "loss", "muted", "strong", "warning", "error", "accent", "foreground"]
)
def test_every_tone_is_readable_on_background_surface_and_cursor(theme: Theme, name: str) -> None:
    text = theme.variables.get(name) or str(getattr(theme, name))

    for ground in (str(theme.background), str(theme.surface), theme.variables["cursor"]):
        assert contrast(text, ground) >= 4.0, f"{name} {text} on {ground}"


@pytest.mark.parametrize("theme", TRUE_COLOUR, ids=lambda theme: theme.name)
def test_alarm_and_badge_are_readable(theme: Theme) -> None:
    assert contrast(theme.variables["on-alarm"], theme.variables["alarm"]) >= 4.5
    assert contrast(theme.variables["on-badge"], theme.variables["badge"]) >= 4.5


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
