"""Reads each layer of the configuration into one shape: which key, what value, from where."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.config.errors import ConfigError, Layer, Origin, Problem
from engine.config.in_the_open import in_comments, in_values, in_variable
from engine.config.keys import KnownKey, find, known_keys, nearest, reads_text
from engine.config.lines import Path as KeyPath
from engine.config.lines import key_lines

PREFIX = "COCKPIT_"
SEPARATOR = "__"

PLAIN_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "IB_HOST": ("connection", "host"),
    "IB_PORT": ("connection", "port"),
    "IB_CLIENT_ID": ("connection", "client_id"),
    "DASHBOARD_PORT": ("web", "port"),
}
"""Variables without our prefix: those of other programs around TWS, and the usual one of a web view."""

ENDPOINT_VARIABLES = frozenset({"IB_HOST", "IB_PORT"})

_TOML_LINE = re.compile(r"\(at line (\d+)")


@dataclass(slots=True)
class LayerValues:
    """What one layer sets. `tree` is nested like the file; `origins` knows the place of each key."""

    layer: Layer
    tree: dict[str, object] = field(default_factory=dict)
    origins: dict[KeyPath, Origin] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    endpoints: list[Origin] = field(default_factory=list)
    """Where IB_HOST or IB_PORT was found: they ask for TWS even where a stronger layer sets the value."""

    def put(self, path: tuple[str, ...], value: object, origin: Origin) -> None:
        """Set one key."""
        put(self.tree, path, value)
        self.origins[path] = origin


def put(tree: dict[str, object], path: tuple[str, ...], value: object) -> None:
    """Set `path` in a nested tree, making tables on the way (a plain value in the way is replaced)."""
    for part in path[:-1]:
        inner = tree.get(part)
        if not isinstance(inner, dict):
            inner = tree[part] = {}
        tree = inner
    tree[path[-1]] = value


def flat(
    tree: Mapping[str, object], prefix: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every value of a nested tree with its path; tables are walked, arrays are values."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, (*prefix, name))
        else:
            yield (*prefix, name), value


def read_toml(path: Path, layer: Layer) -> LayerValues:
    """A TOML file. Raises ConfigError where it cannot be read or is not TOML."""
    source = str(path)
    try:
        text = path.read_text(encoding="utf-8")
        tree = tomllib.loads(text)
    except OSError as err:
        problem = Problem(Origin(layer, source), "", f"cannot be read: {err.strerror or err}")
        raise ConfigError(problem) from err
    except UnicodeDecodeError as err:
        raise ConfigError(Problem(Origin(layer, source), "", "is not UTF-8 text")) from err
    except tomllib.TOMLDecodeError as err:
        found = _TOML_LINE.search(str(err))
        origin = Origin(layer, source, int(found[1]) if found else None)
        raise ConfigError(Problem(origin, "", f"is not valid TOML: {err}")) from err
    places = {key: Origin(layer, source, line) for key, line in key_lines(text).items()}
    exposed = [*in_values(tree, places), *in_comments(text, Origin(layer, source))]
    return LayerValues(layer, tree, places, problems=exposed)


def read_dotenv(path: Path) -> LayerValues:
    """A .env file: the same variables as the environment; others are not ours and stay unread."""
    # Imported here: most machines have no .env, and start-up counts.
    from pydantic_settings import BaseSettings, DotEnvSettingsSource  # noqa: PLC0415

    try:
        variables = DotEnvSettingsSource(BaseSettings, env_file=path, case_sensitive=True).env_vars
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(Problem(Origin(Layer.DOTENV, str(path)), "", f"cannot be read: {err}")) from err
    places = {_variable_of(line): number for number, line in enumerate(lines, start=1)}
    values = LayerValues(Layer.DOTENV)
    for name, text in variables.items():
        origin = Origin(Layer.DOTENV, str(path), places.get(name), name)
        _read_variable(values, name, text or "", origin)
        exposed = in_variable(name, text or "", origin)
        if exposed is not None:
            values.problems.append(exposed)
    values.problems += in_values(values.tree, values.origins)
    return values


def read_environment(environ: Mapping[str, str]) -> LayerValues:
    """The environment: the variables without our prefix, and COCKPIT_<SECTION>__<KEY>; the latter win."""
    values = LayerValues(Layer.ENVIRONMENT)
    for name in sorted(environ, key=lambda name: (name.startswith(PREFIX), name)):
        _read_variable(values, name, environ[name], Origin(Layer.ENVIRONMENT, name))
    return values


def read_options(overrides: Mapping[str, object]) -> LayerValues:
    """Options of the command line, dotted keys; None means that the option was not given."""
    values = LayerValues(Layer.COMMAND_LINE)
    for key, value in overrides.items():
        if value is not None:
            plain = str(value) if isinstance(value, Path) else value
            values.put(tuple(key.split(".")), plain, Origin(Layer.COMMAND_LINE))
    return values


def _variable_of(line: str) -> str:
    return line.partition("=")[0].strip().removeprefix("export ").strip()


def _read_variable(values: LayerValues, name: str, text: str, origin: Origin) -> None:
    if not text:
        return  # set but empty is the shell's way of saying unset
    if name in PLAIN_VARIABLES:
        path = PLAIN_VARIABLES[name]
        if name in ENDPOINT_VARIABLES:
            values.endpoints.append(origin)
    elif name.startswith(PREFIX) and SEPARATOR in name:
        path = _declared_case(tuple(name.removeprefix(PREFIX).split(SEPARATOR)))
    else:
        if name in _near_misses():
            expected = f"is not read; did you mean {_near_misses()[name]}?"
            values.problems.append(Problem(origin, "", expected))
        return
    known = find(path)
    if known is None:
        hint = nearest(path)
        meant = f"; did you mean {PREFIX}{SEPARATOR.join(hint.split('.')).upper()}?" if hint else ""
        values.problems.append(Problem(origin, ".".join(path), f"is not a key{meant}"))
        return
    values.put(path, text if reads_text(known) else _toml_value(text), origin)


def _near_misses() -> dict[str, str]:
    """Names with one underscore where two belong: COCKPIT_RISK_MAX_POSITIONS."""
    return {
        PREFIX + "_".join(known.path).upper(): PREFIX + SEPARATOR.join(known.path).upper()
        for known in known_keys()
    }


def _declared_case(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Environment names are upper case; keys have the case in which they are declared."""
    lower = tuple(part.lower() for part in parts)
    same: list[KnownKey] = [k for k in known_keys() if tuple(p.lower() for p in k.path) == lower]
    return same[0].path if same else lower


def _toml_value(text: str) -> object:
    """`text` read as a TOML value (3, true, ["SPY"]); as it stands where it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
