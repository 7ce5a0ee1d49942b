"""Decides what stands before the first episode: configuration, tasks, protocol, models."""

from __future__ import annotations

import itertools
import logging
import sys
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embodied.config.schema import RunConfig
from embodied.controller import Controller
from embodied.environment import Environment
from embodied.errors import ConfigError, DataError
from embodied.limits import EpisodeLimits
from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.plugins.plugin_file import absolute_name, short_name
from embodied.plugins.registry import (
    controller_class,
    controller_name,
    environment_class,
    file_hash,
    load,
    with_options,
)
from embodied.policies.factory import check_options, feedback_model, models, policy_class
from embodied.policy import Reply
from embodied.prompting import make_prompt
from embodied.protocol import Protocol, RunProtocol
from embodied.replay.recordings import load_recordings
from embodied.runner.approvals import load_rule, needs_approval
from embodied.runner.assignment import Assignment
from embodied.runner.generate import check_generated, generate_tasks
from embodied.runner.robot_lock import is_physical
from embodied.runner.tasks import choose_tasks, split_tasks
from embodied.store import RunReader
from embodied.store.extension import check_protocol
from embodied.store.layout import is_run
from embodied.task import Task

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResolvedRun:
    """A run with all that is decided before its first episode. `resolve` makes it, once.

    Workers get its `config`, from which they make what they need. A class that was loaded from a
    file by its path cannot be pickled for another process.
    """

    config: RunConfig
    """Means the same in any folder and process: paths are absolute, defaults are filled in."""
    environment: type[Environment]
    controller: type[Controller]
    tasks: tuple[Task, ...]
    """Those that are played, in their order."""
    data: Mapping[str, str]
    """The identity of the data, and of the files that the run was told to load."""
    protocol: RunProtocol
    models: tuple[LLMConfig, ...]
    """Those that it asks: the policy's, then that of the feedback where it is another."""
    assignments: tuple[Assignment, ...]
    """All its episodes: every task once, then every task again, and so on."""

    @property
    def may_ask(self) -> bool:
        """Whether a person may have to approve calls."""
        setting = self.config.runner.approval
        return setting not in ("allow", "deny") and needs_approval(setting, self.controller)

    @property
    def shows_pictures(self) -> bool:
        """Whether it is known that the policy will be shown pictures."""
        settings, environment = self.config.protocol.images, self.config.environment
        return settings.shown and with_options(
            environment.plugin, self.environment.attaches_pictures, **environment.options
        )

    @property
    def physical(self) -> bool:
        """Whether it moves something real."""
        return is_physical(self.config.environment)

    def unfinished(self, done: Set[str]) -> list[Assignment]:
        """Return the episodes whose ids are not among those that are done."""
        return [assignment for assignment in self.assignments if assignment.id not in done]


def resolve(config: RunConfig) -> ResolvedRun:
    """Decide all that a run needs before its first episode; write the tasks that it generates.

    Raises:
        ConfigError, DataError: the run cannot be played.
        RunError: its folder holds a run with another protocol.
    """
    _check_policy(config)
    _check_prompt(config)
    load_rule(config.runner.approval)
    config = _located(config)
    stored = RunReader(config.out).protocol if is_run(config.out) else None
    if stored is not None:  # all of the protocol that can be known before there is data
        later = stored.model_dump(include={"data", "environment_options"})
        check_protocol(config.out, stored, _run_protocol(config, {}).model_copy(update=later))
    data = None
    if config.generate is not None:
        check_generated(config.environment.plugin, config.generate)
        data = _stored_data(config, stored)
        if data is None:
            generate_tasks(config.environment.plugin, config.generate)
    config = _with_resolved_options(config)
    data = _data_version(config) if data is None else data
    tasks = split_tasks(config)
    chosen = choose_tasks(tasks, config.tasks, config.seed)
    protocol = _run_protocol(config, data)
    for warning in protocol.warnings():
        _log.warning("%s", warning)
    return ResolvedRun(
        config=config,
        environment=environment_class(config.environment.plugin),
        controller=controller_class(str(config.protocol.controller), config.environment.options),
        tasks=tuple(chosen),
        data=data,
        protocol=protocol,
        models=tuple(models(config)),
        assignments=_assignments(config, tasks, chosen),
    )


async def check_servers(run: ResolvedRun) -> None:
    """Raise ConfigError unless the servers of the run's models can be reached and have them, and
    that of a policy that will be shown pictures takes them.
    """
    asks = policy_class(run.config.policy).asks_llm
    for number, model in enumerate(run.models):
        client = LLMClient(model)
        try:
            await client.check(pictures=asks and number == 0 and run.shows_pictures)
        finally:
            await client.close()


def _assignments(
    config: RunConfig, tasks: Sequence[Task], chosen: Sequence[Task]
) -> tuple[Assignment, ...]:
    """Return the episodes of a run; of a replay, those that were recorded."""
    wanted = [Assignment(task, i) for i in range(config.tasks.samples) for task in chosen]
    if config.policy.recordings:
        recorded = load_recordings(config.policy.recordings).keys()
        names = {task for task, _ in recorded}
        if missing := sorted(names - {task.id for task in tasks}):
            raise DataError(
                f"{len(missing)} of {len(names)} recorded tasks are not in the data; the first is "
                f"{missing[0]!r}. Is it another split, or other data?"
            )
        wanted = [a for a in wanted if (a.task.id, a.sample) in recorded]
    return tuple(wanted)


def _data_version(config: RunConfig) -> dict[str, str]:
    name, options = config.environment.plugin, config.environment.options
    data = with_options(name, environment_class(name).data_version, config.split, **options)
    plugins = {"environment": name, "policy": config.policy.name, **_protocol_plugins(config)}
    for kind, plugin in plugins.items():
        data = data | file_hash(kind, plugin)
    return data


def _protocol_plugins(config: RunConfig) -> dict[str, str]:
    """Return the settings of the protocol that may name a class in a file."""
    settings = ("controller", "conversation", "action")
    return {name: value for name in settings if (value := getattr(config.protocol, name))}


def _stored_data(config: RunConfig, stored: RunProtocol | None) -> dict[str, str] | None:
    """Return the identity of the data that is there, where the stored run was played on it."""
    if stored is None:
        return None
    try:
        data = _data_version(_with_resolved_options(config))
    except (ConfigError, DataError):
        return None
    return data if data == stored.data else None


def _run_protocol(config: RunConfig, data: dict[str, str]) -> RunProtocol:
    environment = environment_class(config.environment.plugin)
    options = config.environment.options
    short = {setting: short_name(name) for setting, name in _protocol_plugins(config).items()}
    return RunProtocol(
        environment=short_name(config.environment.plugin),
        environment_options={
            key: value for key, value in options.items() if key not in environment.location_options
        },
        data=data,
        split=config.split,
        tasks=config.tasks.model_dump(mode="json"),
        policy=_policy(config),
        feedback=config.feedback
        and config.feedback.model_copy(update={"llm": feedback_model(config)}).protocol,
        seed=config.seed,
        protocol=config.protocol.model_copy(update=short),
    )


def _policy(config: RunConfig) -> dict[str, Any]:
    policy = config.policy
    record: dict[str, Any] = {"name": policy.short_name}
    if policy.implementation is not None:
        record["source_sha256"] = policy.implementation.source_sha256
    if policy.options:
        record["options"] = policy.options
    if policy_class(policy).asks_llm:
        record |= config.llm_section().protocol
    if policy.recordings:
        record["recordings"] = [path.name for path in policy.recordings]
    return record


def _check_prompt(config: RunConfig) -> None:
    """Refuse settings that the prompt does not take, and examples of another action format."""
    protocol, environment = config.protocol, config.environment
    kind = environment_class(environment.plugin)
    chosen = controller_name(protocol.controller, environment.plugin, kind)
    robot = controller_class(chosen, environment.options)
    prompt = make_prompt(protocol, robot)
    structured = policy_class(config.policy).asks_llm and config.llm_section().structured
    if structured and prompt.reply_schema() is None:
        raise ConfigError(
            "llm.structured constrains answers to bare calls in JSON, which the action format "
            f"{protocol.action!r} in the conversation {protocol.conversation!r} does not read; "
            "choose --action json in the default protocol, or leave llm.structured out"
        )
    if not protocol.examples:
        return
    for message in itertools.chain(*protocol.examples):
        said = Reply(message.text, tool_calls=tuple(message.tool_calls))
        for action in (prompt.parse_reply(said).action, prompt.format.parse(said).action):
            if message.role == "assistant" and action and prompt.format.calls_robot(action):
                return
    raise ConfigError(
        f"protocol.examples holds no action in the format {protocol.action!r}; give the folder "
        "that `embodied examples` wrote, which has a file for each format"
    )


def _check_policy(config: RunConfig) -> None:
    kind = policy_class(config.policy)
    check_options(config.policy)
    if config.feedback is not None and config.feedback.by == "llm" and not feedback_model(config):
        raise ConfigError(
            "feedback by a model needs one: --feedback.llm.model NAME and --feedback.llm.base_url "
            "URL of its server"
        )
    if not kind.interactive:
        return
    if not load("embodied.pools", config.runner.kind).in_this_process:
        raise ConfigError(
            f"the policy {config.policy.name} plays in this terminal, which worker processes "
            "cannot reach; add --runner.kind local"
        )
    if sys.stdin is None:
        raise ConfigError(
            f"the policy {config.policy.name} needs a terminal or a pipe as standard input"
        )


def resolved_protocol(config: RunConfig) -> Protocol:
    """Fill in what the environment decides where the protocol says nothing: the controller, and
    each limit of an episode. Plugins in files get the absolute path of their file.
    """
    kind, protocol = environment_class(config.environment.plugin), config.protocol
    limits = {**kind.default_limits, **protocol.limits.model_dump(exclude_unset=True)}
    return protocol.model_copy(
        update={
            "controller": controller_name(protocol.controller, config.environment.plugin, kind),
            "conversation": absolute_name(protocol.conversation),
            "action": absolute_name(protocol.action),
            "limits": EpisodeLimits(**limits),
        }
    )


def _located(config: RunConfig) -> RunConfig:
    """Make paths absolute, those of plugins too, and fill in the controller's name."""
    name = absolute_name(config.environment.name)
    changes: dict[str, Any] = {
        "out": _absolute(config.out),
        "environment": config.environment.model_copy(update={"name": name}),
        "policy": config.policy.model_copy(
            update={
                "name": absolute_name(config.policy.name),
                "recordings": tuple(map(_absolute, config.policy.recordings)),
            }
        ),
        "protocol": resolved_protocol(config),
        "runner": config.runner.model_copy(
            update={
                "kind": absolute_name(config.runner.kind),
                "approval": absolute_name(config.runner.approval),
            }
        ),
    }
    if config.llm is not None:
        changes["llm"] = _with_absolute_cache(config.llm)
    if config.feedback is not None and config.feedback.llm is not None:
        model = _with_absolute_cache(config.feedback.llm)
        changes["feedback"] = config.feedback.model_copy(update={"llm": model})
    if config.generate is not None:
        options = _generator_options(config, config.generate.options)
        made = {"out": _absolute(config.generate.out), "options": options}
        changes["generate"] = config.generate.model_copy(update=made)
    return config.model_copy(update=changes)


def _generator_options(config: RunConfig, options: dict[str, Any]) -> dict[str, Any]:
    """Return the generator's options with the split that the run plays, where it makes splits."""
    kind = environment_class(config.environment.plugin)
    fields = kind.GeneratorOptions.model_fields if kind.GeneratorOptions else {}
    played = config.split or kind.default_split
    if "split" not in fields or played == options.get("split", fields["split"].default):
        return options
    if "split" in options:
        raise ConfigError(
            f"generate.options.split is {options['split']!r}, but the run plays the split "
            f"{played!r}; leave it out, and name the split with --split"
        )
    return {**options, "split": played}


def _with_resolved_options(config: RunConfig) -> RunConfig:
    environment = config.environment
    kind = environment_class(environment.plugin)
    options = with_options(environment.plugin, kind.resolve_options, **environment.options)
    return config.model_copy(
        update={"environment": environment.model_copy(update={"options": options})}
    )


def _with_absolute_cache(model: LLMConfig) -> LLMConfig:
    return model.model_copy(update={"cache": model.cache and _absolute(model.cache)})


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()
