"""`embodied doctor`: what this machine has, what it lacks, and what to do about it."""

from __future__ import annotations

import asyncio
import json as json_module
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import chain
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from embodied.cli import options, output
from embodied.doctor import Check
from embodied.doctor.checks import check_subject, subjects
from embodied.doctor.llm import check_server
from embodied.doctor.machine import check_machine
from embodied.doctor.packages import check_name
from embodied.report.table import plain_text, standard_output

_AT_A_TIME = 2
_STYLES = {"ok": "green", "not installed": "dim", "problem": "bold red"}


def doctor(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Extras or environments, by name or path/to/file.py:Class; without one, all.",
        ),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Address of an LLM server to look at, as llm.base_url.")
    ] = None,
    json: options.Json = False,
) -> None:
    """See whether this machine has what runs need, and what to do where it has not.

    The exit code is 1 if something that was asked for by name or address is not there or wrong, or
    if another package `embodied` is in the way. What was not asked for may be missing.

    \b
      embodied doctor
      embodied doctor alfworld ray --base-url http://127.0.0.1:8000/v1
    """  # noqa: D301 - \b keeps click from filling a paragraph
    with output.progress_console().status("looking"):
        asked = [check_name(), *_about(names or [])]
        asked += [asyncio.run(check_server(base_url))] if base_url else []
        others = [] if names else [*check_machine(), *_about(subjects())]
    ok = all(check.status == "ok" for check in asked)
    checks = [*others, *asked]
    if json:
        print(json_module.dumps({"ok": ok, "checks": [asdict(c) for c in checks]}, indent=1))
    else:
        _print(checks, standard_output())
    if not ok:
        raise typer.Exit(1)


def _about(names: Sequence[str]) -> list[Check]:
    with ThreadPoolExecutor(_AT_A_TIME) as threads:
        return list(chain.from_iterable(threads.map(check_subject, dict.fromkeys(names))))


def _print(checks: Sequence[Check], console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("", "", "state", "found"):
        table.add_column(heading, overflow="fold")
    subject = ""
    for check in checks:
        shown = "" if check.subject == subject else check.subject
        subject = check.subject
        state = f"[{_STYLES[check.status]}]{check.status}[/]"
        table.add_row(plain_text(shown), plain_text(check.name), state, plain_text(check.found))
    console.print(table)
    todo = dict.fromkeys((c.subject, c.advice) for c in checks if c.status != "ok")
    if todo:
        console.print("\nwhat to do:")
    for about, advice in todo:
        console.print(plain_text(f"  {about}: {advice}"), soft_wrap=True)
