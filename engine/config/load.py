"""Layers and checks the configuration. The only way to get one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from engine.config.checks import conflicts
from engine.config.errors import DEFAULT, ConfigError, Layer, Origin, Problem
from engine.config.explain import given_text, problems_of
from engine.config.keys import leaves, value_at
from engine.config.layers import LayerValues, flat, read_dotenv, read_environment, read_options, read_toml
from engine.config.lines import line_of
from engine.config.model import SHIPPED_STRATEGIES, Config
from engine.config.overrides import NO_OVERRIDES, Changed, read_overrides
from engine.config.search import based, find_file, is_file, state_folder
from engine.config.values import Gateway


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid configuration, where each of its values came from, and what follows from it."""

    config: Config
    origins: Mapping[str, Origin]
    """Dotted key -> where its value came from."""
    path: Path | None
    """The cockpit.toml that was read; None where there is none."""
    gateway: Gateway
    """`embedded` or `tws`: `broker.gateway` with `auto` decided."""
    state_dir: Path
    """Absolute folder of the state; it may not exist yet."""
    scanner_dir: Path
    """Absolute folder of the scanner's files; it may not exist."""
    tape_dir: Path | None
    """Absolute folder of `broker.tape`; None where it is empty."""
    data_dir: Path | None
    """Absolute folder of `history.data_dir`; None where it is empty."""
    actions_dir: Path | None
    """Absolute folder of `history.actions_dir`, else that of `history.data_dir`."""
    overrides_path: Path
    """Where runtime values of this gateway are remembered (`save_override`)."""
    changed: Mapping[str, Changed]
    """Dotted key -> who changed it while it ran."""
    switched_off: Mapping[str, Changed]
    """Strategy -> who switched it off while it ran; it is loaded, and enters nothing."""

    def error(self, key: str, expected: str) -> ConfigError:
        """A ConfigError about one key of this configuration, naming its place and its value.

        For checks that need to know more than the configuration: strategy names and parameters.
        """
        path = tuple(key.split("."))
        origin = line_of({tuple(name.split(".")): place for name, place in self.origins.items()}, path)
        return ConfigError(Problem(origin or DEFAULT, key, _with_given(self.config, key, expected)))


def load(
    *,
    path: Path | None = None,
    overrides: Mapping[str, object] = MappingProxyType({}),
    environ: Mapping[str, str],
    cwd: Path,
    mode: str | None = None,
) -> Loaded:
    """Read and check the configuration.

    Layers, weakest first: default, cockpit.toml, .env beside it, environment, runtime overrides, command
    line (`overrides`, dotted keys; None = not given). `mode` is the mode asked for (`PAPER`, `DRY_RUN`,
    `LIVE`); it decides what `broker.gateway = "auto"` means. Raises ConfigError with every problem.
    """
    file = find_file(path, environ=environ, cwd=cwd)
    layers = [*_file_layers(file), read_environment(environ), read_options(overrides)]
    merged = _merge(layers)
    config = _validated(merged)
    gateway = _gateway(config, merged, mode)
    state_dir = state_folder(
        config.state.dir, merged.origins.get(("state", "dir")), file=file, cwd=cwd, environ=environ
    )
    overrides_path = state_dir / f"overrides-{gateway.value}.toml"
    overridden = read_overrides(overrides_path) if is_file(overrides_path) else NO_OVERRIDES
    if overridden is not NO_OVERRIDES:
        merged = _merge([*layers[:-1], overridden.values, layers[-1]])
        config = _validated(merged)

    def folder(section: str, name: str) -> Path:
        value = str(getattr(getattr(config, section), name))
        return based(value, merged.origins.get((section, name)), file=file, cwd=cwd)

    data_dir = folder("history", "data_dir") if config.history.data_dir else None
    return Loaded(
        config=config,
        origins=MappingProxyType({".".join(key): _origin(merged, key) for key, _ in leaves(config)}),
        path=file,
        gateway=gateway,
        state_dir=state_dir,
        scanner_dir=folder("universe", "scanner_dir"),
        tape_dir=folder("broker", "tape") if config.broker.tape else None,
        data_dir=data_dir,
        actions_dir=folder("history", "actions_dir") if config.history.actions_dir else data_dir,
        overrides_path=overrides_path,
        changed=overridden.changed,
        switched_off=overridden.switched_off,
    )


def _file_layers(file: Path | None) -> Iterator[LayerValues]:
    if file is None:
        return
    yield read_toml(file, Layer.FILE)
    dotenv = file.parent / ".env"
    if is_file(dotenv):
        yield read_dotenv(dotenv)


def _merge(layers: Sequence[LayerValues]) -> LayerValues:
    """One tree of all layers, later ones winning."""
    merged = LayerValues(layers[-1].layer)
    if not any("strategies" in layer.tree for layer in layers if layer.layer is Layer.FILE):
        # A file's strategies replace the shipped ones as a whole: else none could be removed.
        merged.tree["strategies"] = {
            name: strategy.model_dump(mode="json") for name, strategy in SHIPPED_STRATEGIES.items()
        }
    for layer in layers:
        _overlay(merged.tree, layer.tree)
        merged.origins.update(layer.origins)
        for path, _ in flat(layer.tree):
            merged.origins[path] = line_of(layer.origins, path) or Origin(layer.layer)
        merged.problems.extend(layer.problems)
        merged.endpoints.extend(layer.endpoints)
    return merged


def _overlay(below: dict[str, object], above: Mapping[str, object]) -> None:
    for name, value in above.items():
        if isinstance(value, dict):
            inner = below.get(name)
            table = dict(inner) if isinstance(inner, dict) else {}
            _overlay(table, value)
            below[name] = table
        else:
            below[name] = value


def _validated(merged: LayerValues) -> Config:
    problems = list(merged.problems)
    try:
        # JSON is strict about types and still has arrays and times, as TOML does.
        config = Config.model_validate_json(json.dumps(merged.tree, default=_plain), strict=True)
    except ValidationError as err:
        raise ConfigError(*problems, *problems_of(err, merged.origins)) from None
    for key, expected in conflicts(config):
        origin = line_of(merged.origins, tuple(key.split("."))) or DEFAULT
        problems.append(Problem(origin, key, _with_given(config, key, expected)))
    if problems:
        raise ConfigError(*problems)
    return config


def _plain(value: object) -> str:
    """TOML's own dates and times, as the texts that the models read."""
    if isinstance(value, date | time | datetime):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} cannot be a configuration value")


def _with_given(config: Config, key: str, expected: str) -> str:
    try:
        value = value_at(config, tuple(key.split(".")))
    except KeyError:
        return expected
    return expected if isinstance(value, Mapping) else f"= {given_text(key, value)}: {expected}"


def _origin(merged: LayerValues, path: tuple[str, ...]) -> Origin:
    """Where a value came from: a default inside a table that a file begins is still a default."""
    return merged.origins.get(path, DEFAULT)


def _gateway(config: Config, merged: LayerValues, mode: str | None) -> Gateway:
    """Decide `auto`; refuse an explicit `embedded` beside IB_HOST or IB_PORT: one of them is a mistake."""
    asked = sorted({origin.name or origin.source for origin in merged.endpoints})
    chosen = config.broker.gateway
    if chosen is Gateway.EMBEDDED and asked:
        names = " and ".join(asked)
        text = f"= 'embedded' contradicts {names}: unset {names}, or choose 'auto' or 'tws'"
        place = merged.origins.get(("broker", "gateway"), DEFAULT)
        raise ConfigError(Problem(place, "broker.gateway", text))
    if chosen is not Gateway.AUTO:
        return chosen
    return Gateway.EMBEDDED if mode == "PAPER" and not asked else Gateway.TWS
