"""`embodied check`: see for yourself that what the project promises holds on this machine."""

from __future__ import annotations

import json as json_module
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

import typer
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from embodied.cli import options, output
from embodied.errors import ConfigError
from embodied.plugins.registry import controller_class
from embodied.report.table import plain_text, standard_output
from embodied.sandbox import Checker, Finding, Snippet, Target, load_corpus
from embodied.testing import CheckFailed, check_controller, check_environment

Which = Literal["restricted", "full", "all"]

_COLUMNS = ("held", "escape", "mutation", "bypass", "crash", "hang", "memory", "record")
_HEADINGS = ("escapes", "mutations", "bypasses", "crashes", "hangs", "memory", "records")

app = typer.Typer(help="See that what the project promises holds on this machine.")


@app.command("environment")
def environment(
    env: Annotated[str, typer.Argument(help=options.ENVIRONMENT)],
    split: options.Split = None,
    settings: options.Set = None,
) -> None:
    """Try an environment against the rules for all.

    One of its tasks is played some ten times. Its settings are options as in `embodied run`. The
    exit code is 1 if a rule is broken.

    \b
      embodied check environment rooms.py:Warehouse
      embodied check environment rooms.py:Warehouse --environment.python /opt/sim/bin/python
    """  # noqa: D301 - \b keeps click from filling a paragraph
    config = options.resolve(None, env=env, split=split, settings=settings)
    played = config.environment
    with _verdict(f"the environment {env}"):
        check_environment(played.plugin, split=config.split, **played.options)


@app.command("robot")
def robot(
    controller: Annotated[
        str, typer.Argument(help="The robot: its name, path/to/file.py:Class, or mcp:ADDRESS.")
    ],
    env: Annotated[
        str | None, typer.Option(help="The environment whose tasks it is to solve.")
    ] = None,
    split: options.Split = None,
    settings: options.Set = None,
) -> None:
    """Try a robot against the rules of action formats.

    With an environment, its actions are called there. The exit code is 1 if a rule is broken.

    \b
      embodied check robot rooms.py:Forklift --env rooms.py:Warehouse
    """  # noqa: D301 - \b keeps click from filling a paragraph
    config = options.resolve(None, env=env, split=split, settings=settings)
    played = config.environment
    kind = controller_class(controller, played.options)
    with _verdict(f"the robot {controller}"):
        if env is None:
            check_controller(kind)
        else:
            check_controller(kind, played.plugin, split=config.split, **played.options)


@contextmanager
def _verdict(what: str) -> Iterator[None]:
    """Say that the rules are kept, or which one is broken."""
    try:
        yield
    except CheckFailed as failed:
        print(f"{what}: {failed}", file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"{what} keeps the rules")


@app.command("sandbox")
def sandbox(
    interpreter: Annotated[Which, typer.Option(help="Interpreter to check.")] = "all",
    kind: Annotated[
        str | None, typer.Option(help="Only snippets of this kind; a wrong one lists the kinds.")
    ] = None,
    json: options.Json = False,
    allow_unconfined: Annotated[
        bool,
        typer.Option(
            "--allow-unconfined",
            help="Check the full interpreter even where the system cannot confine it.",
        ),
    ] = False,
) -> None:
    """Try escapes and abuses on the interpreters.

    They run model-written code, and must hold a corpus of hostile snippets. The exit code is 1 if
    anything was not held.

    \b
      embodied check sandbox --interpreter full
    """  # noqa: D301 - \b keeps click from filling a paragraph
    try:
        snippets = load_corpus(kind)
    except KeyError as error:
        raise ConfigError(str(error.args[0])) from None
    found = {
        name: _findings(name, snippets, allow_unconfined)
        for name in _names(interpreter, allow_unconfined)
    }
    if json:
        plain = {
            name: [{"outcome": each.outcome, **each.model_dump()} for each in findings]
            for name, findings in found.items()
        }
        print(json_module.dumps(plain))
    else:
        for name, findings in found.items():
            _print(name, findings, standard_output())
    if any(finding.problems for findings in found.values() for finding in findings):
        raise typer.Exit(1)


def _names(which: Which, allow_unconfined: bool) -> list[str]:
    """List the interpreters to check. The full one is left out of `all` where it cannot run."""
    if which == "restricted":
        return ["restricted"]
    from embodied.interpreter.cpython.zygote import Zygote

    try:
        Zygote(allow_unconfined=allow_unconfined).close()
    except ConfigError as error:
        if which == "full":
            raise
        print(f"the full interpreter is not checked: {error}", file=sys.stderr)
        return ["restricted"]
    return ["restricted", "full"] if which == "all" else ["full"]


def _findings(name: str, snippets: list[Snippet], allow_unconfined: bool) -> list[Finding]:
    target = Target(name=name, options={"allow_unconfined": allow_unconfined})
    progress = Progress(console=output.progress_console(), transient=True)
    with progress, Checker(target) as checker:
        task = progress.add_task(f"{len(snippets)} snippets, {name}", total=len(snippets))
        return checker.check(snippets, lambda _: progress.advance(task))


def _print(name: str, findings: list[Finding], console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(f"{name}: kind")
    for heading in ("snippets", "held", *_HEADINGS):
        table.add_column(heading, justify="right")
    for kind in dict.fromkeys(finding.kind for finding in findings):
        table.add_row(kind, *_counts([f for f in findings if f.kind == kind]))
    table.add_section()
    table.add_row("all", *_counts(findings))
    console.print(table)
    console.print()
    for finding in findings:
        for problem in finding.problems:
            console.print(plain_text(f"{finding.id}: {problem.outcome}: {problem.what}"))


def _counts(findings: list[Finding]) -> list[str]:
    outcomes = Counter(str(finding.outcome) for finding in findings)
    return [str(len(findings)), *(str(outcomes[outcome]) for outcome in _COLUMNS)]
