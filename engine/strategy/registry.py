"""Names for strategies and indicators, so that configuration and listings can speak of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from engine.strategy.base import Strategy
    from engine.strategy.indicators import Indicator

T = TypeVar("T")


class DuplicateNameError(ValueError):
    """Two classes claim one name; which one would trade must not depend on import order."""


class UnknownNameError(ValueError):
    """No class has this name. The text lists the names there are."""


class Registry(Generic[T]):
    """Classes of one kind by name."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._classes: dict[str, type[T]] = {}

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator that gives the class its name. Raises DuplicateNameError for a taken one."""

        def decorate(cls: type[T]) -> type[T]:
            taken = self._classes.get(name)
            if taken is not None:
                raise DuplicateNameError(
                    f"{self._kind} {name!r} is {taken.__qualname__}; {cls.__qualname__} needs another name"
                )
            self._classes[name] = cls
            return cls

        return decorate

    def get(self, name: str) -> type[T]:
        """The class of that name. Raises UnknownNameError, which lists the valid names."""
        try:
            return self._classes[name]
        except KeyError:
            known = ", ".join(self.names())
            raise UnknownNameError(f"expected a known {self._kind} ({known}), not {name!r}") from None

    def taken(self) -> Mapping[str, type[T]]:
        """Every name with its class, as it is now."""
        return dict(self._classes)

    def put_back(self, taken: Mapping[str, type[T]]) -> None:
        """Forget what was registered since `taken`: whoever failed half-way leaves nothing behind."""
        self._classes = dict(taken)

    def names(self) -> tuple[str, ...]:
        """Every registered name, sorted."""
        return tuple(sorted(self._classes))

    def summary(self, name: str) -> str:
        """First line of the class's docstring, for listings."""
        return (self.get(name).__doc__ or "").partition("\n")[0]


STRATEGIES: Registry[Strategy] = Registry("strategy")
INDICATORS: Registry[Indicator] = Registry("indicator")

strategy = STRATEGIES.register
indicator = INDICATORS.register
