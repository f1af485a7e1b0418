"""Colour themes: each names what a tone looks like, and every colour has a sign or a word beside it."""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES, Theme

DEFAULT_THEME = "cockpit-safe"


def _theme(
    name: str,
    *,
    colors: dict[str, str],
    dark: bool = True,
    ansi: bool = False,
    accent: str,
    gain: str,
    loss: str,
) -> Theme:
    """A theme from the few colours that carry meaning."""
    return Theme(
        name=name,
        primary=accent,
        secondary=colors["muted"],
        accent=accent,
        warning=colors["warn"],
        error=colors["error"],
        success=gain,
        foreground=colors["text"],
        background=colors["background"],
        surface=colors["surface"],
        panel=colors["surface"],
        boost=colors["surface"],
        dark=dark,
        ansi=ansi,
        variables={
            "gain": gain,
            "loss": loss,
            "muted": colors["muted"],
            "strong": colors["strong"],
            "rule": colors["rule"],
            "alarm": colors["alarm"],
            "on-alarm": colors["on-alarm"],
            "badge": colors["badge"],
            "on-badge": colors["on-badge"],
            "cursor": colors["cursor"],
            "on-cursor": colors["on-cursor"],
            **(BUILTIN_THEMES["ansi-dark"].variables if ansi else _block_cursor(accent, colors)),
        },
    )


def _block_cursor(accent: str, colors: dict[str, str]) -> dict[str, str]:
    return {"block-cursor-background": accent, "block-cursor-foreground": colors["background"]}


_DARK = {
    "background": "#10141a",
    "surface": "#171d25",
    "text": "#c9d1d9",
    "strong": "#f0f4f8",
    "muted": "#8492a2",
    "rule": "#2c3642",
    "badge": "#24415c",
    "on-badge": "#e6f1fb",
    "cursor": "#1f2a38",
    "on-cursor": "#f0f4f8",
}

THEMES: tuple[Theme, ...] = (
    # Blue against orange (Okabe-Ito) stays apart for every common kind of colour blindness.
    _theme(
        "cockpit-safe",
        accent="#8fb7dd",
        gain="#56b4e9",
        loss="#e69f00",
        colors={**_DARK, "warn": "#f0e442", "error": "#ff8a4c", "alarm": "#b84a00", "on-alarm": "#ffffff"},
    ),
    _theme(
        "cockpit-dark",
        accent="#9db4d8",
        gain="#7fc08a",
        loss="#ef8686",
        colors={**_DARK, "warn": "#e2c06c", "error": "#ff7b72", "alarm": "#a8322d", "on-alarm": "#ffffff"},
    ),
    _theme(
        "cockpit-light",
        dark=False,
        accent="#1f5f99",
        gain="#0063a0",
        loss="#9a4b00",
        colors={
            "background": "#f7f8fa",
            "surface": "#eceff3",
            "text": "#24292f",
            "strong": "#000000",
            "muted": "#5b6672",
            "rule": "#c3cad3",
            "badge": "#1f5f99",
            "on-badge": "#ffffff",
            "cursor": "#dbe6f0",
            "on-cursor": "#000000",
            "warn": "#7a5c00",
            "error": "#b32400",
            "alarm": "#b32400",
            "on-alarm": "#ffffff",
        },
    ),
    _theme(
        "ansi",
        ansi=True,
        accent="ansi_cyan",
        gain="ansi_bright_cyan",
        loss="ansi_yellow",
        colors={
            "background": "ansi_default",
            "surface": "ansi_default",
            "text": "ansi_default",
            "strong": "ansi_bright_white",
            "muted": "ansi_bright_black",
            "rule": "ansi_bright_black",
            "badge": "ansi_blue",
            "on-badge": "ansi_bright_white",
            "cursor": "ansi_blue",
            "on-cursor": "ansi_bright_white",
            "warn": "ansi_bright_yellow",
            "error": "ansi_bright_red",
            "alarm": "ansi_red",
            "on-alarm": "ansi_bright_white",
        },
    ),
)

THEME_NAMES = tuple(theme.name for theme in THEMES)


def next_theme(name: str) -> str:
    """The theme after `name`, round and round."""
    position = THEME_NAMES.index(name) if name in THEME_NAMES else -1
    return THEME_NAMES[(position + 1) % len(THEME_NAMES)]
