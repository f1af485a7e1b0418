"""The line of every key, in every form that TOML allows."""

from __future__ import annotations

import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from engine.config.layers import flat
from engine.config.lines import key_lines, line_of

TEXT = '''\
# comment with = and [brackets]
top.dotted = 1
"quoted key" = [  # ] not the end
  1,
  "]", # nor here
]
'single' = 2

[table.'inner "x"']   # header
text = """
not_a_key = 3
[nor_a_table]"""
path = 'C:\\'
inline = { a = 1, b = { c = 2 } }
literal = \'\'\'
'' x = 1
\'\'\'
time = 10:00:00

[[many]]
x = 1
[[many]]
x = 2
[many.sub]
y = 3'''


def test_tables_dotted_and_quoted_keys_and_arrays_of_tables_are_found() -> None:
    assert key_lines(TEXT) == {
        ("top", "dotted"): 2,
        ("quoted key",): 3,
        ("single",): 7,
        ("table", 'inner "x"'): 9,
        ("table", 'inner "x"', "text"): 10,
        ("table", 'inner "x"', "path"): 13,
        ("table", 'inner "x"', "inline"): 14,
        ("table", 'inner "x"', "literal"): 15,
        ("table", 'inner "x"', "time"): 18,
        ("many", 0): 20,
        ("many", 0, "x"): 21,
        ("many", 1): 22,
        ("many", 1, "x"): 23,
        ("many", 1, "sub"): 24,
        ("many", 1, "sub", "y"): 25,
    }


def test_a_key_inside_an_inline_table_has_the_line_of_the_table() -> None:
    lines = key_lines("a = 1\nb = { c = { d = 1 } }\n")
    assert line_of(lines, ("b", "c", "d")) == 2
    assert line_of(lines, ("z",)) is None


def test_an_inline_table_over_several_lines_is_one_value() -> None:
    # TOML 1.1; newer readers accept it.
    assert key_lines("a = {\n  b = 1,\n}\nc = 2\n") == {("a",): 1, ("c",): 4}


names = st.text(min_size=1, max_size=8)
values = (
    st.integers(0, 9) | st.text(max_size=20) | st.lists(st.text(max_size=8) | st.integers(0, 9), max_size=4)
)
trees = st.recursive(
    st.dictionaries(names, values, max_size=4),
    lambda inner: st.dictionaries(names, values | inner, max_size=4),
    max_leaves=12,
)


@given(tree=trees, multiline=st.booleans())
def test_every_value_of_any_document_is_found_at_its_own_line(
    tree: dict[str, object], multiline: bool
) -> None:
    text = tomli_w.dumps(tree, multiline_strings=multiline)
    rows = text.split("\n")
    lines = key_lines(text)

    for path, value in flat(tree):
        line = lines[path]
        key_text = tomli_w.dumps({path[-1]: 0}).rpartition(" = ")[0]
        assert rows[line - 1].startswith(f"{key_text} = "), (path, value)
