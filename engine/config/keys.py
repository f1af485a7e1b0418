"""What keys there are: walks the models, so that no list of keys has to be kept by hand."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterator, Mapping
from datetime import time
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from engine.config.model import Config

NAME = "<name>"
"""Stands for the free part of a key: a strategy's name, a parameter, an action."""


class KnownKey(NamedTuple):
    """One key as the models declare it."""

    path: tuple[str, ...]
    field: FieldInfo
    owner: type[BaseModel]
    """The model that declares it; its docstring is the section's."""

    @property
    def dotted(self) -> str:
        """`risk.max_positions`, `strategies.<name>.kind`."""
        return ".".join(self.path)

    @property
    def unit(self) -> str:
        """Unit of the value, empty where it has none."""
        extra = self.field.json_schema_extra
        return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def known_keys(model: type[BaseModel] = Config, prefix: tuple[str, ...] = ()) -> Iterator[KnownKey]:
    """Every key that can be set, in the order of the models."""
    for name, field in model.model_fields.items():
        path = (*prefix, name)
        inner = _model_in(field.annotation)
        if inner is None:
            yield KnownKey(path, field, model)
        else:
            yield from known_keys(inner, (*path, NAME) if _is_mapping(field.annotation) else path)


def find(path: tuple[str, ...]) -> KnownKey | None:
    """The declared key that `path` sets, or None. Entries of free tables (params, ui.keys) count too."""
    return next((known for known in known_keys() if _covers(known, path)), None)


def reads_text(known: KnownKey) -> bool:
    """True where a value from the environment is taken as text, not read as a TOML value."""
    kind = typing.get_args(known.field.annotation)[1] if is_free(known) else known.field.annotation
    return isinstance(kind, type) and issubclass(kind, str | StrEnum | time)


def is_free(known: KnownKey) -> bool:
    """True for a table whose keys are free (`ui.keys`, `strategies.<name>.params`)."""
    return _is_mapping(known.field.annotation)


def value_at(config: Config, path: tuple[str, ...]) -> object:
    """The value of one key. Raises KeyError for a key that does not exist."""
    value: object = config
    for part in path:
        if isinstance(value, BaseModel) and part in type(value).model_fields:
            value = getattr(value, part)
        elif isinstance(value, Mapping) and part in value:
            value = value[part]
        else:
            raise KeyError(".".join(path))
    return value


def leaves(config: Config) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every key of one configuration with its value, strategies and free tables spelt out."""
    yield from _leaves(config, ())


def nearest(path: tuple[str, ...]) -> str:
    """The valid key most likely meant: so named elsewhere, alike beside it or elsewhere; else empty."""
    pool = [_named_like(known, path) for known in known_keys()]
    depth = len(path)
    beside = {k[depth - 1]: k[:depth] for k in pool if len(k) >= depth and k[: depth - 1] == path[:-1]}
    anywhere = {k[-1]: k for k in reversed(pool)}
    spelt = {".".join(k): k for k in pool}
    if path[-1] in anywhere and path[-1] not in beside:
        return ".".join(anywhere[path[-1]])
    for wanted, candidates in ((path[-1], beside), (path[-1], anywhere), (".".join(path), spelt)):
        close = difflib.get_close_matches(wanted, list(candidates), n=1, cutoff=0.6)
        if close:
            return ".".join(candidates[close[0]])
    return ""


def _named_like(known: KnownKey, path: tuple[str, ...]) -> tuple[str, ...]:
    given = path[1] if len(path) > 1 and path[0] == "strategies" else NAME
    return tuple(given if part == NAME else part for part in known.path)


def _covers(known: KnownKey, path: tuple[str, ...]) -> bool:
    size = len(known.path)
    if len(path) != size and not (is_free(known) and len(path) == size + 1):
        return False
    return all(part in {NAME, given} for part, given in zip(known.path, path, strict=False))


def _leaves(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _leaves(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(inner, (*path, str(name)))
    else:
        yield path, value


def _is_mapping(annotation: object) -> bool:
    origin = typing.get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model a field holds: itself, or the value type of a table of models."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if _is_mapping(annotation):
        value_type = typing.get_args(annotation)[1]
        if isinstance(value_type, type) and issubclass(value_type, BaseModel):
            return value_type
    return None
