"""The application: which commands there are, and how they end."""

from __future__ import annotations

import atexit
import gc
import importlib
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from omskit._version import __version__
from omskit.cli.anywhere import behind_the_command
from omskit.cli.exits import (
    BROKEN_PIPE,
    BUG,
    INTERRUPTED,
    OTHER,
    USAGE,
    close_stdout,
    code_of,
    is_of_stdout,
    mend_streams,
    say,
)
from omskit.cli.usage import in_plain_words
from omskit.errors import OMSError
from omskit.redact import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType


def _empty() -> typer.Typer:
    return typer.Typer(
        name="oms",
        no_args_is_help=True,
        # Plain text reads the same in a terminal, a pager and the documentation.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


COMMANDS = {
    "now": "now:now",
    "fill": "fill:fill",
    "get": "asking:get",
    "runs": "asking:runs",
    "lumisections": "asking:lumisections",
    "fills": "asking:fills",
    "l1-rates": "asking:l1_rates",
    "hlt-rates": "asking:hlt_rates",
    "l1-algorithms": "asking:l1_algorithms",
    "fields": "fields:fields",
    "dcs-check": "dcs:dcs_check",
    "why": "why:why",
    "lost": "lost:lost",
    "report": "report:report",
    "plot": "figures:plot",
    "follow": "follow:follow",
    "replay": "replay:replay",
    "sync": "store.syncing:sync",
    "sql": "store.asking:sql",
    "dashboard": "dashboard:dashboard",
    "serve": "serving:serve",
    "demo": "story:demo",
}
"""Where the function of each command is, in this package.

By name, so that a command imports what it needs: all of them take 0.05 s more.
"""

GROUPS = {
    "mask": "mask.app:app",
    "store": "store.app:app",
    "trigger": "trigger.app:app",
    "export": "export:app",
    "auth": "auth:app",
}
"""Where the commands of each group are."""


def _command(name: str) -> Callable[..., None]:
    module, _, function = COMMANDS[name].partition(":")
    found: Callable[..., None] = getattr(_in_cli(module), function)
    return found


def _group(name: str) -> typer.Typer:
    module, _, group = GROUPS[name].partition(":")
    found: typer.Typer = getattr(_in_cli(module), group)
    return found


def _in_cli(module: str) -> ModuleType:
    return importlib.import_module(f"omskit.cli.{module}")


def whole() -> typer.Typer:
    """The application with every command, for help, completion and documentation."""
    return _with(COMMANDS, GROUPS)


def _with(commands: Iterable[str], groups: Iterable[str]) -> typer.Typer:
    made = _empty()
    made.callback()(oms)
    for name in commands:
        made.command(name)(_command(name))
    for name in groups:
        made.add_typer(_group(name), name=name)
    return made


def command_names() -> list[tuple[str, ...]]:
    """Every command, groups before the commands in them.

    Example:
        >>> ("mask", "diff") in command_names()
        True
    """
    names: list[tuple[str, ...]] = [(name,) for name in COMMANDS]
    for name in GROUPS:
        names.append((name,))
        for command in _group(name).registered_commands:
            function = getattr(command.callback, "__name__", "")
            names.append((name, command.name or function.replace("_", "-")))
    return names


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"oms {__version__}")
        raise typer.Exit


def oms(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Say the version and exit.",
        ),
    ] = False,
) -> None:
    """Everything the CMS Online Monitoring System knows, as tables.

    Exit codes: 0 done, 1 the answer is no or no row matches, 2 usage, 3 login, 4
    service, 5 incomplete, 6 any other failure, 70 a bug of omskit.

    Example: oms runs 297050 --instance demo
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, and exit."""
    if "pyarrow" not in sys.modules:
        sys.meta_path.insert(0, _WithoutPandas())
    _let_be_what_stays()
    sys.exit(run(arguments))


def _let_be_what_stays() -> None:
    """Do not search for garbage while all is being imported, nor at the end.

    That are 90 000 objects, which stay: to look through them, 30 times as they come and
    once more when they go, takes 0.15 s. From the first search on all is as ever, so
    that who fetches for hours needs no more memory.
    """
    ever = gc.get_threshold()

    def as_ever(phase: str, _: dict[str, int]) -> None:
        if phase == "stop":
            gc.callbacks.remove(as_ever)
            gc.set_threshold(*ever)

    gc.callbacks.append(as_ever)
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)


class _WithoutPandas:
    """Says that there is no pandas: to pyarrow, above all.

    It would import pandas, where that is installed, at the first value that it is
    given: 0.27 s and 40 MB, and no command has a use for it.
    """

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Nothing is found by it; see `importlib.abc.MetaPathFinder`."""
        if name == "pandas":
            message = "No command of omskit uses pandas."
            raise ModuleNotFoundError(message, name=name)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code; whatever went wrong on purpose is one line on stderr. Anything
        else is a bug: it shows its traceback, and the code is 70.
    """
    mend_streams()
    try:
        result = _called(arguments)
    except OMSError as error:
        say(error.for_shell())
        return code_of(error)
    except BrokenPipeError:
        close_stdout()
        return BROKEN_PIPE
    except OSError as error:
        if not is_of_stdout(error):
            return _confess(error)
        close_stdout()
        say(f"Cannot write to stdout: {error.strerror}.")
        return OTHER
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the edge of the program
        # Typer's usage errors have no public base class in all versions.
        if not hasattr(error, "format_message"):
            return _confess(error)
        _say_usage(error)
        return USAGE
    return result if isinstance(result, int) else 0


def _confess(error: Exception) -> int:
    """Show what broke: a bug has a code of its own, as 1 is an answer, no."""
    import traceback

    lines = "".join(traceback.format_exception(error)).split("\n")
    # A message may hold what a stranger sent.
    sys.stderr.write("\n".join(map(visible, lines)))
    say(f"This is a bug of omskit {__version__}: {type(error).__name__}.")
    return BUG


def _called(arguments: list[str] | None) -> object:
    """What the command returns.

    Raises:
        BrokenPipeError: Whoever read stdout has gone.
    """
    try:
        given = sys.argv[1:] if arguments is None else arguments
        moved = behind_the_command(given, GROUPS)
        called = _with_only(moved[0] if moved else "")
        return called(args=moved, prog_name="oms", standalone_mode=False)
    except SystemExit as ended:
        # Typer would make this exit code 1, which here is an answer: no.
        if isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__ from None
        raise


def _with_only(name: str) -> typer.Typer:
    """The application with the one command that is called, if there is such.

    Typer reads the parameters of every command that it is given, 0.1 s for all.
    """
    if name in GROUPS:
        return _with((), (name,))
    if name in COMMANDS:
        return _with((name,), ())
    return _with((), ()) if name == "--version" else whole()


def _say_usage(error: Exception) -> None:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "oms"
    message: str = error.format_message()  # type: ignore[attr-defined]  # just looked
    message = in_plain_words(message)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{message}\n")
        return
    end = "" if message.endswith((".", "?")) else "."
    say(f"{message}{end} Try: {path} --help")
