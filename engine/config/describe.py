"""Writes cockpit.toml and docs/configuration.md from the models, so that neither can drift from them.

`python -m engine.config.describe toml > cockpit.toml`
`python -m engine.config.describe markdown > docs/configuration.md`
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from pydantic import BaseModel

from engine.config.keys import KnownKey, is_free, known_keys, value_at
from engine.config.model import SHIPPED_STRATEGIES, Config
from engine.config.render import value_text
from engine.config.runtime import RUNTIME_KEYS, RUNTIME_WORDS

_TOML_HEAD = """\
# Configuration of cockpit: every key with its default. What you leave out keeps it.
# Weakest first: default < this file < .env beside it < environment < changes made while it runs
# (kept in the state folder) < command line. `cockpit config show` says where each value came from.
# An unknown key, a wrong type or an unsafe value stops the start and names the line.
# docs/configuration.md has the same keys as tables. Times are Eastern, on the exchange clock.
"""

_STRATEGIES_NOTE = """\
# Strategies, one table each; the name is yours. A file with any [strategies.*] table replaces the whole
# shipped set, so that one can be removed.
"""


def sample() -> str:
    """The text of the shipped cockpit.toml."""
    docs = _docstrings()
    parts = [_TOML_HEAD]
    for owner, prefix, keys in _by_section():
        if prefix[0] == "strategies":
            continue
        parts.append(f"\n{_comment(_summary(owner))}[{'.'.join(prefix)}]\n")
        plain = (known for known in keys if not is_free(known))
        parts.extend(_entry(known, docs, value_at(_DEFAULTS, known.path)) for known in plain)
        parts.extend(_free_table(known, docs) for known in keys if is_free(known))
    parts.append(f"\n{_STRATEGIES_NOTE}")
    for index, name in enumerate(SHIPPED_STRATEGIES):
        parts.append(_strategy(name, docs if index == 0 else None))
    return "".join(parts)


def reference() -> str:
    """The text of docs/configuration.md."""
    docs = _docstrings()
    parts = [_MARKDOWN_HEAD]
    for owner, prefix, keys in _by_section():
        parts.append(f"\n## [{'.'.join(prefix)}]\n\n{_summary(owner)}\n\n")
        parts.append("| key | default | unit | allowed | meaning |\n|---|---|---|---|---|\n")
        parts.extend(_row(known, docs) for known in keys)
    rows = (f"| `{key}` | {b.low:g} | {b.high:g} | {b.step:g} |\n" for key, b in RUNTIME_KEYS.items())
    words = "".join(f"\n`{key}`: {', '.join(kind)}.\n" for key, kind in RUNTIME_WORDS.items())
    parts.append(_MARKDOWN_RUNTIME + "".join(rows) + words)
    return "".join(parts)


_DEFAULTS = Config()


def _by_section() -> Iterator[tuple[type[BaseModel], tuple[str, ...], list[KnownKey]]]:
    """Keys by the table they stand in; free tables count as keys of the section around them."""
    for prefix, keys in groupby(known_keys(), key=lambda known: known.path[:-1]):
        listed = list(keys)
        yield listed[0].owner, prefix, listed


def _docstrings() -> dict[tuple[str, str], str]:
    """(model, field) -> its docstring. Read from the source, since Python itself drops them."""
    modules = dict.fromkeys(inspect.getmodule(known.owner) for known in known_keys())
    trees = [ast.parse(inspect.getsource(module)) for module in modules if module is not None]
    found: dict[tuple[str, str], str] = {}
    for model in (node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)):
        for target, text in zip(model.body, model.body[1:], strict=False):
            name = target.target if isinstance(target, ast.AnnAssign) else None
            if (
                isinstance(name, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
            ):
                found[model.name, name.id] = " ".join(str(text.value.value).split())
    return found


def _entry(known: KnownKey, docs: dict[tuple[str, str], str], value: object) -> str:
    unit = f" [{known.unit}]" if known.unit else ""
    comment = _comment(f"{docs[known.owner.__name__, known.path[-1]]}{unit}")
    return f"{comment}{known.path[-1]} = {value_text(known.dotted, value)}\n"


def _free_table(known: KnownKey, docs: dict[tuple[str, str], str]) -> str:
    default = value_at(_DEFAULTS, known.path)
    entries = default.items() if isinstance(default, Mapping) else ()
    lines = "".join(f"{name} = {value_text(known.dotted, item)}\n" for name, item in entries)
    return f"\n{_comment(docs[known.owner.__name__, known.path[-1]])}[{known.dotted}]\n{lines}"


def _strategy(name: str, docs: dict[tuple[str, str], str] | None) -> str:
    lines = [f"\n[strategies.{name}]\n"]
    for known in known_keys():
        if known.path[0] != "strategies":
            continue
        value = getattr(SHIPPED_STRATEGIES[name], known.path[-1])
        if docs is not None:
            lines.append(_comment(docs[known.owner.__name__, known.path[-1]]))
        if is_free(known):
            inside = ", ".join(f"{key} = {value_text(key, item)}" for key, item in value.items())
            lines.append(f"{known.path[-1]} = {{ {inside} }}\n")
        else:
            lines.append(f"{known.path[-1]} = {value_text(known.dotted, value)}\n")
    return "".join(lines)


def _row(known: KnownKey, docs: dict[tuple[str, str], str]) -> str:
    default = "none: must be given" if known.field.is_required() else _default_text(known)
    meaning = docs[known.owner.__name__, known.path[-1]].replace("|", "\\|")
    return f"| `{known.path[-1]}` | {default} | {known.unit} | {_allowed(known)} | {meaning} |\n"


def _default_text(known: KnownKey) -> str:
    return f"`{value_text(known.dotted, known.field.default)}`"


def _allowed(known: KnownKey) -> str:
    """What the model accepts, read from the model."""
    kind = known.field.annotation
    choices = getattr(kind, "__members__", None)
    if choices is not None:
        return ", ".join(f"`{member.value}`" for member in choices.values())
    signs = {"ge": "≥", "gt": ">", "le": "≤"}
    limits = [
        f"{sign} {getattr(rule, name)}"
        for rule in known.field.metadata
        for name, sign in signs.items()
        if getattr(rule, name, None) is not None
    ]
    if limits:
        return ", ".join(limits)
    return "`true`, `false`" if kind is bool else ""


def _summary(owner: type[BaseModel]) -> str:
    return " ".join((owner.__doc__ or "").split())


def _comment(text: str) -> str:
    wrapped = textwrap.wrap(text, width=100, initial_indent="# ", subsequent_indent="# ")
    return "\n".join(wrapped) + "\n"


_MARKDOWN_HEAD = """\
# Configuration

Every key, its default, its unit and what is accepted. `cockpit config show` prints the values in force
and where each came from.

## Where it is read

The file is the one named by `--config`, else by `$COCKPIT_CONFIG`, else `cockpit.toml` in the current
folder or the nearest folder above it, else `~/.config/cockpit/cockpit.toml` (`$XDG_CONFIG_HOME` is
honoured). With none of them the defaults below are in force.

Layers, weakest first; a stronger one wins key by key:

1. the built-in default
2. `cockpit.toml`
3. `.env` beside it, with the same variables as the environment
4. the environment: `COCKPIT_<SECTION>__<KEY>` (two underscores for each dot, as in
   `COCKPIT_RISK__MAX_POSITIONS=4`); also `IB_HOST`, `IB_PORT`, `IB_CLIENT_ID` and `DASHBOARD_PORT`. A
   variable that is set but empty counts as not set.
5. runtime overrides: what an operator changed while it ran, kept in the state folder in
   `overrides-embedded.toml` and `overrides-tws.toml`, one for each gateway, so that nothing crosses from
   simulated to real. Delete the file to go back. `cockpit.toml` itself is never rewritten.
6. options of the command line

`IB_HOST` and `IB_PORT` select the gateway `tws` while `broker.gateway` is `auto`. Beside an explicit
`embedded` they are an error, since one of the two must be a mistake.

A relative folder counts from the folder of the file that names it; on the command line or in the
environment, from the current folder. Without a file the state is kept in `$XDG_STATE_HOME/cockpit`
(`~/.local/state/cockpit`).

A mistake stops the start with exit code 2 before anything is connected. Every mistake is listed with file,
line, key, given value and expectation; for an unknown key also the nearest valid one.
"""

_MARKDOWN_RUNTIME = """
## Changed while it runs

These may be changed from the keyboard and from a shell (`cockpit set`, `cockpit regime`); the next decision
uses the new value. Strategies can be switched off and on (`cockpit strategy`). Every other key is fixed while
it runs: a change is refused (`fixed_at_runtime`) and needs a restart.

| key | lowest | highest | step |
|---|---|---|---|
"""


if __name__ == "__main__":
    writers = {"toml": sample, "markdown": reference}
    if sys.argv[1:2] and sys.argv[1] in writers:
        sys.stdout.write(writers[sys.argv[1]]())
    else:
        sys.exit(f"{Path(sys.argv[0]).name}: say which to write: {' or '.join(writers)}")
