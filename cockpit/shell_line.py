"""The `:` line's words, read by the very parser of the command line: both take the same. Runs nothing."""

from __future__ import annotations

import importlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import typer

ELSEWHERE: Final = frozenset(
    {"attach", "status", "doctor", "strategies", "backup", "restore", "purge", "plan", "scan", "report"}
    | {"replay", "serve", "backtest", "sweep", "config", "alerts", "audit", "export", "gates", "secrets"}
    | {"data", "model"}
)
"""Commands, and groups of them, that look or work on files: from a shell, while this screen goes on."""
FROM_A_SHELL: Final = frozenset({"config", "state"})
"""Options that choose an engine; here it is chosen."""

_WrongUse: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")
# Of whichever click the installed typer stands on: newer ones bring their own.


class LineError(ValueError):
    """The line cannot be done; the message says why, for people."""


class Typed(NamedTuple):
    """A line that was understood."""

    verb: str
    """`pause`, `orphans adopt`: the words of the command line's command."""
    values: Mapping[str, Any]
    """Its arguments and options by name, as the command gets them."""


@cache
def root() -> Any:
    """The command line as a tree of commands."""
    # By name: the command line starts the screen, and the screen only reads its words when one is typed.
    return typer.main.get_command(importlib.import_module("cockpit.cli").app)


def every_command() -> tuple[str, ...]:
    """All commands of the command line, groups that do something by themselves included."""
    return tuple(_walk(root(), ""))


def _walk(group: Any, before: str) -> list[str]:
    found: list[str] = []
    for name, command in group.commands.items():
        path = f"{before}{name}"
        if not _is_group(command):
            found.append(path)
            continue
        found += [path] if command.invoke_without_command else []
        found += _walk(command, f"{path} ")
    return found


def parse(text: str) -> Typed:
    """Read one line. Raises LineError."""
    try:
        words = shlex.split(text)
    except ValueError as err:
        raise LineError(f"{err}: close the quotes") from err
    if not words or words[0].startswith("-"):
        raise LineError("a line begins with a verb; tab lists them")
    if not ELSEWHERE.isdisjoint((words[0], " ".join(words[:2]))):
        raise LineError(f"{words[0]} looks, or works on files: type `cockpit {words[0]}` in a shell")
    if "--help" in words:
        raise LineError(f"`cockpit {text}` in a shell shows its help; tab lists what may follow here")
    try:
        return _read(words)
    except _WrongUse as err:
        said = err.format_message()
        # A group alone answers with its whole help.
        raise LineError(f"{text}: say which; tab lists them" if said.startswith("Usage:") else said) from err
    except typer.Exit as err:
        raise LineError(f"{text}: that is for a shell") from err


def _read(words: list[str]) -> Typed:
    command, context, path = root(), None, ""
    name = "cockpit"
    while True:
        context = command.make_context(name, list(words), parent=context)
        rest = [*getattr(context, "_protected_args", ()), *context.args]
        if not _is_group(command) or not rest:
            break
        name, command, words = command.resolve_command(context, rest)
        path = f"{path} {name}".strip()
    given = [word for word in FROM_A_SHELL if context.params.get(word) is not None]
    if given:
        raise LineError(f"--{given[0]} belongs to a shell: this screen has its engine")
    return Typed(path, {key: value for key, value in context.params.items() if key not in FROM_A_SHELL})


def candidates(
    text: str, *, verbs: Sequence[str], words_of: Callable[[str], Sequence[str]]
) -> tuple[str, ...]:
    """What the last word of the line may become: those that begin with it first.

    Args:
        text: the line so far.
        verbs: what may be done here.
        words_of: what is there now for an argument or option, by its name.
    """
    words = text.split(" ")
    done, last = [word for word in words[:-1] if word], words[-1]
    command, path = root(), ""
    while done and _is_group(command) and done[0] in command.commands:
        command, path = command.commands[done[0]], f"{path} {done.pop(0)}".strip()
    if _is_group(command):
        after = f"{path} " if path else ""
        heads = (verb[len(after) :].split(" ")[0] for verb in verbs if verb.startswith(after))
        return _fitting(last, dict.fromkeys(heads))
    return _fitting(last, _values(command, done, last, words_of))


def _values(
    command: Any, done: Sequence[str], last: str, words_of: Callable[[str], Sequence[str]]
) -> Sequence[str]:
    options = [
        one for one in command.params if one.param_type_name == "option" and one.name not in FROM_A_SHELL
    ]
    if last.startswith("-"):
        return [opt for one in options for opt in one.opts if opt != "--help"]
    awaiting = next((one for one in options if done and done[-1] in one.opts and not one.is_flag), None)
    if awaiting is not None:
        return words_of(awaiting.name)
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    place = sum(1 for word in done if not word.startswith("-"))
    if not arguments or (place >= len(arguments) and arguments[-1].nargs != -1):
        return ()
    return words_of(arguments[min(place, len(arguments) - 1)].name)


def _fitting(last: str, found: Mapping[str, object] | Sequence[str]) -> tuple[str, ...]:
    bare = last.casefold()
    begins = [word for word in found if word.casefold().startswith(bare)]
    holds = [word for word in found if bare in word.casefold() and word not in begins]
    return (*begins, *holds)


def _is_group(command: Any) -> bool:
    return hasattr(command, "resolve_command")
