"""The command line: one module a command."""

from __future__ import annotations

import signal
import sys

import typer

from embodied.cli import config, generate, replay, report, run, tasks
from embodied.errors import EmbodiedError

app = typer.Typer(
    help="An LLM controls a robot by writing Python; embodied runs thousands of such episodes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_DOTTED = {"allow_extra_args": True, "ignore_unknown_options": True}

app.command("run", context_settings=_DOTTED)(run.run)
app.command("resume")(run.resume)
app.command("report")(report.report)
app.command("tasks")(tasks.tasks)
app.command("generate")(generate.generate)
app.command("replay")(replay.replay)
app.command("config", context_settings=_DOTTED)(config.config)


def main() -> None:
    """Run the command line; errors meant for the user are printed as one message."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except EmbodiedError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
