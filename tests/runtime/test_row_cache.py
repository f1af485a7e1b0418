"""A row is made once per value, anew when the value changed, and forgotten with it."""

from __future__ import annotations

from engine.runtime.row_cache import RowCache


def test_the_same_object_is_not_made_again_and_a_changed_one_is() -> None:
    made: list[tuple[str, int]] = []

    def make(value: tuple[str, int]) -> int:
        made.append(value)
        return value[1] * 10

    cache: RowCache[tuple[str, int], int] = RowCache(make, key=lambda v: v[0])
    a, b = ("a", 1), ("b", 2)

    assert cache.rows((a, b)) == (10, 20)
    assert cache.rows((b, a)) == (20, 10)
    assert made == [a, b]

    changed = ("a", 3)
    assert cache.rows((changed,)) == (30,)
    assert made == [a, b, changed]
    assert cache.rows((b,)) == (20,)
    assert made[-1] == b, "what was not shown is not kept"
