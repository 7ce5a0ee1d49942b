"""The command line. `commands` says which module has which command."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Annotated, Any

import typer

from embodied._util.private_folder import private_folder
from embodied.cli import options, output
from embodied.cli.commands import LazyGroup
from embodied.errors import EmbodiedError, InfrastructureError

BROKEN_PIPE = 141
"""The exit code of a process that SIGPIPE ends."""
INTERRUPTED = 130
"""The exit code after SIGINT, and after each signal of `_ENDING`."""
_ENDING = ("SIGTERM", "SIGHUP", "SIGQUIT")
"""Signals that end a command as Ctrl-C does, where the system has them."""

app = typer.Typer(
    cls=LazyGroup,
    help="""An LLM controls a robot by writing Python; embodied runs thousands of such episodes.

    \b
      embodied run quickstart
      embodied run --env alfworld --policy llm --llm.model Qwen/Qwen3-8B --out runs/qwen
      embodied report runs/qwen

    `embodied COMMAND -h` explains a command, `embodied config --help-settings` each setting.
    """,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"embodied {importlib.metadata.version('embodied-codeact')}")
        raise typer.Exit


def _eager(*names: str, act: Callable[[bool], None], help: str) -> Any:
    return typer.Option(*names, callback=act, is_eager=True, expose_value=False, help=help)


_VERSION = _eager("--version", act=_print_version, help="Print the version and exit.")
_VERBOSE = _eager(
    *("-v", "--verbose"),
    act=output.say_more,
    help="Show what happens in detail, and the traceback of an error.",
)
_QUIET = _eager(
    "--quiet",
    act=output.say_less,
    help="Show no progress and no warnings, only the result and errors.",
)


@app.callback()
def _take_shared_options(
    version: Annotated[bool, _VERSION] = False,
    verbose: Annotated[bool, _VERBOSE] = False,
    quiet: Annotated[bool, _QUIET] = False,
) -> None:
    """Take the options that every command has."""


def main() -> None:
    """Run the command line; errors meant for the user are printed as one message."""
    output.open_missing_streams()
    output.keep_standard_error()
    _take_signals()
    try:
        code = _exit_code(sys.argv[1:])
    except KeyboardInterrupt:  # one more, while the first is dealt with
        code = INTERRUPTED
    try:
        sys.stdout.flush()
    except (OSError, ValueError, KeyboardInterrupt):
        code = code or BROKEN_PIPE
    # All is closed. A thread that hangs, in a simulator or at a prompt, must not keep the process.
    os._exit(code)


def _exit_code(words: list[str]) -> int:
    try:
        _find_home()
        app(options.with_settings(words))
    except EmbodiedError as error:
        if output.is_verbose():
            traceback.print_exc()
        elif isinstance(error, InfrastructureError) and error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return BROKEN_PIPE
    except SystemExit as ended:
        return _code(ended)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _code(ended: SystemExit) -> int:
    """Return the exit code of an end, which libraries make of a broken pipe as well."""
    if isinstance(ended.__context__, BrokenPipeError):
        return BROKEN_PIPE
    return ended.code if isinstance(ended.code, int) else int(ended.code is not None)


def _find_home() -> None:
    """Give a user whom the system does not know, as in containers, a home for caches and logs."""
    if os.path.expanduser("~") == "~":  # noqa: PTH111 - `Path` raises
        with contextlib.suppress(OSError):  # then what needs a home says so
            os.environ["HOME"] = str(private_folder())


def _take_signals() -> None:
    """End at signals as at Ctrl-C, except at those that are ignored, as `nohup` sets them."""
    for number in (getattr(signal, name) for name in _ENDING if hasattr(signal, name)):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Do what is done for Ctrl-C at the time, also where that itself is ignored."""
    if callable(signal.getsignal(signal.SIGINT)):
        signal.raise_signal(signal.SIGINT)
    else:
        signal.default_int_handler(number, frame)
