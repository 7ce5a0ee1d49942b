"""The command line: one module a command."""

from __future__ import annotations

import signal
import sys

import typer

from embodied.cli import config, generate, options, replay, report, run, tasks
from embodied.errors import EmbodiedError

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
app.command("tasks")(tasks.tasks)
app.command("generate")(generate.generate)
app.command("replay")(replay.replay)
app.command("config")(config.config)


def main() -> None:
    """Run the command line; errors meant for the user are printed as one message."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app(options.with_settings(sys.argv[1:]))
    except EmbodiedError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
