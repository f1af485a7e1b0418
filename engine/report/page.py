"""Fills templates into pages that open offline: script and style are inside, nothing is fetched."""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_TEMPLATES: Final = Path(__file__).parent / "templates"
_MINUS: Final = "\N{MINUS SIGN}"
NOTHING: Final = "—"
"""Stands where a figure is not defined."""


def render(template: str, **values: object) -> str:
    """A page. Every text in it is escaped; a name the template uses and nobody gave is an error.

    Raises:
        jinja2.UndefinedError: a value is missing.
    """
    return _environment().get_template(template).render(**values)


def chart_script() -> Markup:
    """The chart library, to be put inside a page (4.8 MB).

    Raises:
        OSError: the package is damaged.
    """
    package = find_spec("plotly")
    if package is None or package.origin is None:
        raise FileNotFoundError("the chart library (plotly) is not installed")
    text = (Path(package.origin).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    return Markup(text.replace("</script", "<\\/script"))  # noqa: S704 - our own package's file, not a text of others


def data(value: object) -> Markup:
    """A value as JSON that no text in it can break out of a script element with."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"), sort_keys=True)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - only signs that mean nothing to HTML are left


def usd(value: float | None) -> str:
    """Money with its sign: `+1,234.50`."""
    return NOTHING if value is None else f"{value:+,.2f}".replace("-", _MINUS)


def plain_usd(value: float | None) -> str:
    """Money that has no sign of its own: a price, a cost, a balance."""
    return NOTHING if value is None else f"{value:,.2f}".replace("-", _MINUS)


def pct(value: float | None, places: int = 2) -> str:
    """A fraction as percent."""
    return NOTHING if value is None else f"{100.0 * value:,.{places}f} %".replace("-", _MINUS)


def number(value: float | None, places: int = 2) -> str:
    """A figure without a unit."""
    return NOTHING if value is None else f"{value:,.{places}f}".replace("-", _MINUS)


def tone(value: float | None) -> str:
    """Class of a figure; its sign says the same, so that nothing hangs on the colour."""
    return "" if not value else "up" if value > 0 else "down"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(usd=usd, plain_usd=plain_usd, pct=pct, number=number, tone=tone, data=data)
    return made
