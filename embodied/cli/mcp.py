"""`embodied mcp`: a robot as an MCP server, for an agent outside to drive."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from functools import partial
from typing import Annotated

import typer

from embodied._util.suggestion import suggestion
from embodied.cli import options
from embodied.config.schema import RunConfig
from embodied.controller import Controller
from embodied.errors import ConfigError, DataError
from embodied.mcp_server.robot import HostedRobot
from embodied.plugins.registry import make_controller, make_environment
from embodied.runner.plan import resolved_protocol
from embodied.runner.robot_lock import lock_robot
from embodied.runner.tasks import choose_tasks, split_tasks


def mcp(
    controller: Annotated[
        str | None,
        typer.Argument(
            help="The robot: its name, or path/to/file.py:Class; without it, the environment's own."
        ),
    ] = None,
    env: options.Env = None,
    split: options.Split = None,
    task: Annotated[
        str | None, typer.Option(help="Id of the task to begin with; without it, the first one.")
    ] = None,
    http: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            help="Listen on this machine, at http://127.0.0.1:PORT/mcp, in place of standard input "
            "and output. 0: any free port.",
        ),
    ] = None,
    settings: options.Set = None,
) -> None:
    """Serve a robot to an agent by the Model Context Protocol: its functions are tools.

    Settings of the environment and of the tasks are options as in `embodied run`, and
    --protocol.limits.steps 100 says how many steps an episode may take. Calls that the robot wants
    approved are asked of the agent's user, unless --runner.approval says otherwise.

    \b
      embodied mcp household --env alfworld
      embodied mcp --env forklift.py:ForkliftEnvironment --http 8100
    """  # noqa: D301 - \b keeps click from filling a paragraph
    try:
        from embodied.mcp_server.server import RobotServer
        from embodied.mcp_server.transports import serve_http, serve_stdio, stdout_to_stderr
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"serving a robot needs the package {error.name!r}, which is not installed; install it "
            "with: pip install 'embodied-codeact[mcp]'"
        ) from error
    config = options.resolve(None, env=env, split=split, settings=settings)
    if controller is not None:
        protocol = config.protocol.model_copy(update={"controller": controller})
        config = config.model_copy(update={"protocol": protocol})
    with ExitStack() as undo:
        with stdout_to_stderr():
            if (lock := lock_robot(config.environment)) is not None:
                undo.callback(lock.release)
            config = config.model_copy(update={"protocol": resolved_protocol(config)})
            robot = RobotServer(partial(_hosted, config, task), config.runner.approval)
        try:
            asyncio.run(serve_stdio(robot) if http is None else serve_http(robot, http))
        finally:
            with stdout_to_stderr():
                robot.close()


def _hosted(config: RunConfig, task: str | None) -> HostedRobot:
    chosen = choose_tasks(split_tasks(config), config.tasks, config.seed)
    tasks = {each.id: each for each in chosen}
    if not tasks:
        raise DataError("there are no tasks to serve")
    if task is not None and task not in tasks:
        raise ConfigError(f"there is no task {task!r}{suggestion(task, tasks)}")
    first = task or next(iter(tasks))
    steps = config.protocol.limits.steps
    return HostedRobot(partial(_robot, config), tasks, first, steps, config.seed)


def _robot(config: RunConfig) -> Controller:
    settings = config.environment
    environment = make_environment(settings.plugin, **settings.options)
    return make_controller(str(config.protocol.controller), environment)
