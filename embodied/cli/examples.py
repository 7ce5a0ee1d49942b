"""`embodied examples`: play real episodes and keep them as in-context examples."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from embodied.action_formats import FORMATS
from embodied.cli import options
from embodied.config.schema import RunConfig
from embodied.episode import run_episode
from embodied.errors import ConfigError
from embodied.few_shot import Example, examples_file, write_examples
from embodied.plugins.plugin_file import short_name
from embodied.plugins.registry import make_controller, make_environment, names
from embodied.policies.factory import PolicyFactory
from embodied.prompting.pictures import drop_oldest
from embodied.runner.plan import resolve
from embodied.task import Task
from embodied.trajectory import Message, Outcome, Trajectory


def examples(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")],
    path: options.ConfigFile = None,
    env: options.Env = None,
    split: options.Split = None,
    policy: options.PolicyName = None,
    protocol: options.ProtocolName = None,
    settings: options.Set = None,
) -> None:
    """Play the chosen tasks, or the first one, in every action format and keep the conversations.

    One file for each format; protocol.examples takes the folder:

    \b
      embodied examples --env alfworld --split train --tasks.ids ID --out examples/mine
      embodied run --env alfworld --action json --protocol.examples examples/mine

    The policy (expert) plays the same tasks in each format, and every episode must succeed with the
    same calls, so that the examples say the same in all formats. For alfworld some come along, by
    the name examples/alfworld.
    """  # noqa: D301 - typer's mark for text that is not to be wrapped
    config = options.resolve(
        path, env=env, split=split, policy=policy, protocol=protocol, out=out, settings=settings
    )
    choice = config.tasks
    if not choice.ids and choice.limit is choice.sample is None:
        choice = choice.model_copy(update={"limit": 1})
    run = resolve(config.model_copy(update={"tasks": choice}))
    config = run.config
    actions = names(FORMATS)
    played = {action: asyncio.run(_play_all(config, action, run.tasks)) for action in actions}
    _check_same(played)
    origin = {
        "environment": short_name(config.environment.plugin),
        "data": run.data,
        "tasks": [task.id for task in run.tasks],
        "policy": config.policy.name,
    }
    for action, trajectories in played.items():
        file = out / examples_file(action)
        write_examples(file, [_example(t, i) for i, t in enumerate(trajectories, 1)], origin)
        print(f"{file}: {sum(len(t.turns) for t in trajectories)} turns", flush=True)


async def _play_all(config: RunConfig, action: str, tasks: Sequence[Task]) -> list[Trajectory]:
    settings = config.environment
    environment = make_environment(settings.plugin, **settings.options)
    protocol = config.protocol.model_copy(update={"action": action, "examples": ()})
    robot = make_controller(str(protocol.controller), environment)
    policies = PolicyFactory(config)
    try:
        return [
            await run_episode(task, environment, robot, policies.make(task, 0), protocol)
            for task in tasks
        ]
    finally:
        environment.close()
        await policies.close()


def _check_same(played: dict[str, list[Trajectory]]) -> None:
    first = next(iter(played))
    for action, trajectories in played.items():
        for trajectory, other in zip(trajectories, played[first], strict=True):
            where = f"{trajectory.task.id} in the action format {action}"
            if trajectory.outcome is not Outcome.SUCCESS:
                raise ConfigError(f"{where} ended as {trajectory.outcome}; an example must succeed")
            if [s.command for s in trajectory.steps] != [s.command for s in other.steps]:
                raise ConfigError(f"{where} took other steps than in the format {first}")


def _example(trajectory: Trajectory, number: int) -> Example:
    """Take the conversation from the first observation to the policy's last message.

    Native function calls get ids that no other example has: all stand in one conversation.
    """
    task = Message(role="user", content=trajectory.first_observation)
    messages = [task, *(message for turn in trajectory.turns for message in turn.messages)]
    ids = [call.id for message in messages for call in message.tool_calls]
    new_ids = {id_: f"ex{number:03}{place:04}" for place, id_ in enumerate(ids, 1)}
    return tuple(_with_ids(message, new_ids) for message in messages)


def _with_ids(message: Message, ids: dict[str, str]) -> Message:
    """Give function calls these ids, and put a line in the place of each picture."""
    calls = [call.model_copy(update={"id": ids[call.id]}) for call in message.tool_calls]
    answered = ids.get(message.tool_call_id or "")
    (told,) = drop_oldest([message], len(message.pictures))
    return told.model_copy(update={"tool_calls": calls, "tool_call_id": answered})
