"""`embodied new`: the beginning of a project of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodied.templates import RobotKind, new_robot

app = typer.Typer(help="Write the beginning of a project of your own.")


@app.command("robot")
def robot(
    name: Annotated[str, typer.Argument(help="Name of the robot, e.g. forklift.")],
    out: Annotated[Path, typer.Option(help="Folder to write the project's folder to.")] = Path(),
    kind: Annotated[
        RobotKind,
        typer.Option(
            help="robot: with a simulator; arm: with bounds, brakes and approval; async: two arms, "
            "side by side; camera: with pictures; mcp: behind an MCP server."
        ),
    ] = RobotKind.ROBOT,
) -> None:
    """Write a small project that works.

    It has a simulator, a robot, an expert, a test and a configuration; or an MCP server, a goal, a
    test and a configuration.

    \b
      embodied new robot forklift
      cd forklift
      python -m pytest
      embodied run config.yaml
    """  # noqa: D301 - \b keeps click from filling a paragraph
    folder = new_robot(name, out, kind)
    for path in sorted(folder.iterdir()):
        print(path)
    print(f"play it with: cd {folder} && embodied run config.yaml")
