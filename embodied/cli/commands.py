"""The commands by name. A command is imported when it is called, so that help comes at once."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple, cast

import typer
from typer.core import TyperCommand, TyperGroup


class Command(NamedTuple):
    """Where a command is, and its line in the list of commands."""

    place: str
    help: str


COMMANDS = {
    "run": Command("run:run", "Play a batch of episodes and report on it."),
    "resume": Command("run:resume", "Finish a run that was interrupted."),
    "report": Command("report:report", "Print the figures of a run, finished or not."),
    "compare": Command("report:compare", "Set runs side by side."),
    "merge": Command("report:merge", "Merge runs of one protocol into one."),
    "dataset": Command("dataset:app", "Make data for training of runs."),
    "tasks": Command("tasks:tasks", "List the tasks of an environment."),
    "generate": Command("tasks:generate", "Write new tasks, the same ones for the same seed."),
    "examples": Command("examples:examples", "Play tasks and keep them as in-context examples."),
    "replay": Command("replay:replay", "Replay recorded episodes and compare every observation."),
    "config": Command("config:config", "Print a configuration, or explain the settings."),
    "serve": Command("serve:serve", "Serve a model, and start it again when it dies."),
    "simulate-llm": Command("simulate_llm:simulate_llm", "Answer like an LLM server, with no LLM."),
    "mcp": Command("mcp:mcp", "Serve a robot by the Model Context Protocol."),
    "doctor": Command("doctor:doctor", "See whether this machine has what runs need."),
    "new": Command("new:app", "Write the beginning of a project of your own."),
    "check": Command("check:app", "See that what the project promises holds on this machine."),
    "model": Command("model:app", "Fetch models that need no model hub."),
}


class LazyGroup(TyperGroup):
    """A group whose commands are a name and a line of help until one is called."""

    def __init__(self, **settings: Any) -> None:
        """Build the group from what typer gives, with the commands of `COMMANDS`."""
        super().__init__(**settings)
        self.commands = {
            name: TyperCommand(name, short_help=command.help) for name, command in COMMANDS.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that the words begin with, and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        shared = [option for option in self.params if option.name in ("verbose", "quiet")]
        return name, _loaded(name, shared) if name else command, rest


def _loaded(name: str, shared: list[Any]) -> Any:
    """Import the command of a name; options of the whole command line may stand behind it too."""
    module, _, attribute = COMMANDS[name].place.partition(":")
    found = getattr(importlib.import_module(f"embodied.cli.{module}"), attribute)
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    else:
        app.command(name)(found)
        app.callback()(lambda: None)
    command = cast(TyperGroup, typer.main.get_command(app)).commands[name]
    for each in [command, *getattr(command, "commands", {}).values()]:
        taken = {word for option in each.params for word in option.opts}
        each.params += [option for option in shared if taken.isdisjoint(option.opts)]
    return command
