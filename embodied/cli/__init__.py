"""The command line: one module a command."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from types import FrameType

import typer

from embodied.cli import (
    check,
    compare,
    config,
    doctor,
    examples,
    generate,
    mcp,
    model,
    new,
    options,
    replay,
    report,
    run,
    serve,
    simulate_llm,
    tasks,
)
from embodied.errors import EmbodiedError, InfrastructureError

BROKEN_PIPE = 141
"""The exit code of a process that SIGPIPE ends."""

app = typer.Typer(
    help="An LLM controls a robot by writing Python; embodied runs thousands of such episodes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command("run")(run.run)
app.command("resume")(run.resume)
app.command("report")(report.report)
app.command("compare")(compare.compare)
app.command("tasks")(tasks.tasks)
app.command("generate")(generate.generate)
app.command("examples")(examples.examples)
app.command("replay")(replay.replay)
app.command("config")(config.config)
app.command("serve")(serve.serve)
app.command("simulate-llm")(simulate_llm.simulate_llm)
app.command("mcp")(mcp.mcp)
app.command("doctor")(doctor.doctor)
app.add_typer(new.app, name="new")
app.add_typer(check.app, name="check")
app.add_typer(model.app, name="model")


def main() -> None:
    """Run the command line; errors meant for the user are printed as one message."""
    signal.signal(signal.SIGTERM, _interrupt)
    code = _exit_code(sys.argv[1:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or BROKEN_PIPE
    # All is closed. A thread that hangs, in a simulator or at a prompt, must not keep the process.
    os._exit(code)


def _exit_code(words: list[str]) -> int:
    try:
        app(options.with_settings(words))
    except EmbodiedError as error:
        if isinstance(error, InfrastructureError) and error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return BROKEN_PIPE
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Do for SIGTERM what is done for Ctrl-C at the time."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        handler = signal.default_int_handler
    handler(number, frame)
