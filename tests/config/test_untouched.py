"""Defaults are taken as they stand, without a check at every start: so each is checked here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from engine.config import Config
from engine.config.sections import Section


def _sections(model: BaseModel) -> Iterator[Section]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, Section):
            yield value
            yield from _sections(value)


@pytest.mark.parametrize("section", _sections(Config()), ids=lambda section: type(section).__name__)
def test_every_default_would_pass_the_check_of_its_key(section: Section) -> None:
    kind = type(section)
    judged = kind.model_validate({name: getattr(section, name) for name in kind.model_fields})

    assert judged == section == kind()
    assert section.model_fields_set == set()
