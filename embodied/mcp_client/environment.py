"""Any MCP server as an environment: its tools are the robot's actions, and each call is a step."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, TypeAdapter, ValidationError

from embodied._util.suggestion import suggestion
from embodied.controller import Controller
from embodied.environment import Capabilities, EnvironmentOptions, Observation, StepResult
from embodied.errors import ConfigError, DataError, InfrastructureError
from embodied.mcp_client.answer import ToolAnswer
from embodied.mcp_client.catalog import Catalog, ToolSpec
from embodied.mcp_client.goal import Goal, ToolStep
from embodied.mcp_client.robot import make_robot, read_command
from embodied.mcp_client.text import clean
from embodied.mcp_server.robot import START, TASKS
from embodied.plugins.address import AddressedEnvironment
from embodied.plugins.plugin_file import absolute_name, short_name
from embodied.task import Task

if TYPE_CHECKING:
    from embodied.mcp_client.connection import Connection

_SPLIT = "served"


class McpOptions(EnvironmentOptions, title="mcp"):
    """How a server is reached, and what is to be done there."""

    goal: str | None = None
    """What says whether the goal is reached, after each call: `path/to/file.py:function`, or a tool
    that answers true or false. Episodes without a goal end `unscored`."""
    instruction: str | None = None
    """The goal in words; without it, the docstring of the goal function."""
    reset: str | None = None
    """A tool without arguments that is called before each episode, such as `home`."""
    tools: tuple[str, ...] = ()
    """The tools that the robot has; without them, all but those of `goal` and `reset`."""
    seconds: float = Field(60.0, gt=0)
    """What the server may take for each answer."""
    variables: tuple[str, ...] = ()
    """Environment variables that a command is given, beside HOME, PATH and the like. Only the names
    are recorded."""
    token_variable: str | None = None
    """The environment variable that holds the bearer token for an HTTP server."""
    folder: Path | None = None
    """Where a command is run; without it, here."""


@dataclass(frozen=True)
class _Offer:
    """What a server was found to have."""

    catalog: Catalog
    tasks: tuple[Task, ...] | None
    """Those of a server that `embodied mcp` runs; None: it is another."""


_offers: dict[tuple[str, McpOptions], _Offer] = {}
"""What this process has found so far: a command need not be started again to be asked."""


class McpEnvironment(AddressedEnvironment):
    """The robot behind an MCP server.

    A server that `embodied mcp` runs brings its tasks and its goal. Of any other there is one task,
    and the goal is what a tool or a function says; without either, nothing scores an episode.
    """

    Options = McpOptions
    location_options = frozenset({"folder", "goal", "seconds", "token_variable", "variables"})
    """The goal is recorded with the data: without the folder of its file, and with its hash."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self._options = McpOptions.parse(options)
        self._goal = _goal(self._options)
        self._connection = self._connect(self._options)
        try:
            found = _offer(self._connection)
            self._offer = _offers.setdefault((self.address, self._options), found)
            if found.catalog.tools_sha256 != self._offer.catalog.tools_sha256:
                raise InfrastructureError(f"the tools of the MCP server {self.address} changed")
            self._tools = [tool.name for tool in _chosen(self._offer, self._options)]
        except BaseException:
            self._connection.close()
            raise
        scored = self._offer.tasks is not None or self._goal is not None
        self.capabilities = replace(type(self).capabilities, scored=scored)

    @classmethod
    @functools.cache
    def at(cls, scheme: str, address: str) -> type[Self]:
        """Make the class of a server: what is reached by a URL exists once, and may be real."""
        capabilities = Capabilities(max_per_process=1, physical="://" in address)
        return cls._class_of(scheme, address, capabilities=capabilities)

    @classmethod
    def short_name(cls, scheme: str, address: str) -> str:
        """Record no more than `mcp`: the same robot may be reached elsewhere."""
        return scheme

    @classmethod
    def robot(cls, **options: Any) -> type[Controller]:
        """Make the class of the robot with the tools of the server."""
        parsed = McpOptions.parse(options)
        offer = cls._offered(parsed)
        return make_robot(offer.catalog, _chosen(offer, parsed))

    @classmethod
    def resolve_options(cls, **options: Any) -> dict[str, Any]:
        """Fill in the folder of a command, and make the path of the goal's file absolute."""
        parsed = McpOptions.parse(options)
        resolved = {**options, "folder": str((parsed.folder or Path()).absolute())}
        return resolved | ({"goal": absolute_name(parsed.goal)} if parsed.goal else {})

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List the tasks that the server offers, or the one that the options describe."""
        if split not in (None, _SPLIT):
            raise ConfigError(f"an MCP server has no split {split!r}; there is: {_SPLIT}")
        parsed = McpOptions.parse(options)
        offer, goal = cls._offered(parsed), _goal(parsed)
        if offer.tasks is not None:
            return list(offer.tasks)
        instruction = parsed.instruction or (goal.words if goal else "")
        if not instruction:
            raise ConfigError(
                "say what the robot at the MCP server is to do: --environment.options.instruction "
                "TEXT, or the docstring of the goal function"
            )
        return [_task({"id": "task", "kind": "mcp", "instruction": instruction})]

    @classmethod
    def data_version(cls, split: str | None = None, **options: Any) -> dict[str, str]:
        """Return the server's name and version, and hashes of its tools and of the goal's file."""
        parsed = McpOptions.parse(options)
        catalog, goal = cls._offered(parsed).catalog, _goal(parsed)
        data = {
            "server": catalog.server,
            "server_version": catalog.version,
            "tools": catalog.tools_sha256,
            "goal": short_name(goal.source) if goal else None,
            "goal_file": goal.sha256 if goal else None,
        }
        return {name: value for name, value in data.items() if value}

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        """Begin the episode at the server, where it knows how."""
        if self._offer.tasks is not None:
            answer = self._begun(START, {"task": task.id})
            return Observation(str(_status(answer).get("result")), answer.attachments)
        if self._options.reset is None:
            return Observation(task.instruction)
        answer = self._begun(self._options.reset, {})
        return Observation(f"{task.instruction}\n{answer.text}", answer.attachments)

    def step(self, command: str) -> StepResult:
        """Call the tool that the command names."""
        try:
            tool, arguments = read_command(command)
        except ValueError as mistake:
            return _result(ToolAnswer(str(mistake), failed=True))
        if tool not in self._tools:
            text = f"there is no tool {tool!r:.80}{suggestion(tool, self._tools)}"
            return _result(ToolAnswer(text, failed=True))
        answer = self._connection.call(tool, arguments)
        if self._offer.tasks is not None:
            status = _status(answer)
            answer = replace(answer, data=status.get("result"))
            success = status.get("success") is True
            return _result(answer, success=success, ended=status.get("running") is False)
        step = ToolStep(tool, arguments, answer, self._call)
        return _result(answer, success=self._goal is not None and self._goal.is_reached(step))

    def close(self) -> None:
        """Leave the server; a command is ended."""
        self._connection.close()

    def _call(self, tool: str, **arguments: Any) -> ToolAnswer:
        return self._connection.call(tool, arguments)

    def _begun(self, tool: str, arguments: dict[str, Any]) -> ToolAnswer:
        answer = self._connection.call(tool, arguments)
        if answer.failed:
            raise InfrastructureError(f"the tool {tool!r} cannot begin the task: {answer.text}")
        return answer

    @classmethod
    def _offered(cls, options: McpOptions) -> _Offer:
        """Return what the server has, which is asked once."""
        key = (cls.address, options)
        if key not in _offers:
            try:
                with cls._connect(options) as connection:
                    _offers[key] = _offer(connection)
            except InfrastructureError as error:
                raise ConfigError(str(error)) from error
        return _offers[key]

    @classmethod
    def _connect(cls, options: McpOptions) -> Connection:
        try:
            from embodied.mcp_client.connection import Connection
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"a robot at an MCP server needs the package {error.name!r}, which is not "
                "installed; install it with: pip install 'embodied-codeact[mcp]'"
            ) from error
        return Connection(
            cls.address,
            seconds=options.seconds,
            variables=options.variables,
            token_variable=options.token_variable,
            folder=options.folder,
        )


def _goal(options: McpOptions) -> Goal | None:
    return None if options.goal is None else Goal(options.goal)


def _offer(connection: Connection) -> _Offer:
    catalog = connection.catalog()
    if not (TASKS in catalog.resources and any(tool.name == START for tool in catalog.tools)):
        return _Offer(catalog, None)
    try:
        listed = TypeAdapter(list[dict[str, str]]).validate_json(connection.read(TASKS))
        return _Offer(catalog, tuple(map(_task, listed)))
    except (ValidationError, KeyError) as error:
        raise DataError(f"the MCP server's list of tasks cannot be read: {error}") from None


def _task(listed: dict[str, str]) -> Task:
    return Task(
        environment="mcp",
        id=clean(listed["id"], 500),
        split=_SPLIT,
        kind=clean(listed["kind"], 200),
        instruction=clean(listed["instruction"]),
    )


def _chosen(offer: _Offer, options: McpOptions) -> list[ToolSpec]:
    """Return the tools that the robot has.

    Raises:
        ConfigError: one that the options name is not there, or none is left.
    """
    goal, catalog = _goal(options), offer.catalog
    names = [tool.name for tool in catalog.tools]
    own = [name for name in (goal.tool if goal else None, options.reset) if name is not None]
    for name in (*own, *options.tools):
        if name not in names:
            raise ConfigError(f"the MCP server has no tool {name!r}{suggestion(name, names)}")
    hidden = {*own, *([START] if offer.tasks is not None else [])} - {*options.tools}
    chosen = [
        tool
        for tool in catalog.tools
        if tool.name not in hidden and (not options.tools or tool.name in options.tools)
    ]
    if not chosen:
        raise ConfigError(f"the MCP server {catalog.server!r} has no tool that the robot could use")
    return chosen


def _status(answer: ToolAnswer) -> dict[str, Any]:
    """Return what a server that `embodied mcp` runs says with each answer."""
    return answer.data if isinstance(answer.data, dict) else {}


def _result(answer: ToolAnswer, *, success: bool = False, ended: bool = False) -> StepResult:
    info = {"success": success, "failed": answer.failed, "data": answer.data}
    observation = Observation(answer.text, answer.attachments)
    return StepResult(observation, float(success), success or ended, False, info)
