"""What must stand before the first episode: a configuration that means the same anywhere, tasks to
play, a server that answers.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import yaml

from embodied.config.load import read_yaml
from embodied.config.schema import GenerateConfig, RunConfig
from embodied.errors import ConfigError, DataError, RunError
from embodied.limits import EpisodeLimits
from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.plugins.plugin_file import absolute_name, short_name
from embodied.plugins.registry import (
    controller_class,
    controller_name,
    environment_class,
    with_options,
)
from embodied.policies.factory import feedback_model, llm_config
from embodied.policy import Reply
from embodied.prompting import Prompt, make_prompt
from embodied.protocol import Protocol, RunProtocol
from embodied.runner.batch import data_version, run_protocol
from embodied.store import open_run
from embodied.store.layout import is_run, replacing, writing

GENERATED = "generated.yaml"
"""In a folder of generated tasks: what they were generated with."""


def prepare(config: RunConfig) -> RunConfig:
    """Generate the tasks that a run asks for, where it needs them; returns its configuration with
    all filled in that depends on the working folder, on variables or on the environment's defaults.

    Raises:
        ConfigError, DataError: the run cannot be played.
        RunError: its folder holds a run with another protocol.
    """
    _check_policy(config)
    _check_prompt(config)
    config = _located(config)
    stored = open_run(config.out).protocol if is_run(config.out) else None
    if stored is not None:
        _check_same(config, stored)
    if config.generate is not None:
        _generate(config, config.generate, stored)
    return _with_resolved_options(config)


async def check_servers(config: RunConfig) -> None:
    """Ask the servers of the run's models whether they have them.

    Raises:
        ConfigError: one cannot be reached, or has not.
    """
    player = config.llm if config.policy.name == "llm" else None
    commentator = feedback_model(config)
    for model in (player, commentator if commentator != player else None):
        if model is not None:
            client = LLMClient(model)
            try:
                await client.check()
            finally:
                await client.close()


def _check_prompt(config: RunConfig) -> None:
    """Refuse settings that the prompt does not take, and examples of another action format, such as
    those in the configuration that a run of that format has recorded.
    """
    protocol, name = config.protocol, config.environment.name
    robot = controller_class(controller_name(protocol.controller, name, environment_class(name)))
    prompt = make_prompt(protocol, robot)
    if config.policy.name == "llm" and llm_config(config).structured:
        _check_structured(prompt)
    if not protocol.examples:
        return
    for message in itertools.chain(*protocol.examples):
        said = Reply(message.content, tool_calls=tuple(message.tool_calls))
        for action in (prompt.parse_reply(said).action, prompt.format.parse(said).action):
            if message.role == "assistant" and action and prompt.format.calls_robot(action):
                return
    raise ConfigError(
        f"protocol.examples holds no action in the format {protocol.action!r}; give the folder "
        "that `embodied examples` wrote, which has a file for each format"
    )


def _check_policy(config: RunConfig) -> None:
    if config.feedback is not None and config.feedback.by == "llm" and not feedback_model(config):
        raise ConfigError(
            "feedback by a model needs one: --feedback.llm.model NAME and --feedback.llm.base_url "
            "URL of its server"
        )
    if config.policy.name != "human":
        return
    if config.runner.kind != "local":
        raise ConfigError(
            "the policy human plays in this terminal, which worker processes cannot reach; "
            "add --runner.kind local"
        )
    if sys.stdin is None:
        raise ConfigError("the policy human needs a terminal or a pipe as standard input")


def _check_structured(prompt: Prompt) -> None:
    if prompt.reply_schema() is None:
        protocol = prompt.protocol
        raise ConfigError(
            "llm.structured constrains answers to bare calls in JSON, which the action format "
            f"{protocol.action!r} in the conversation {protocol.conversation!r} does not read; "
            "choose --action json in the default protocol, or leave llm.structured out"
        )


def resolved_protocol(config: RunConfig) -> Protocol:
    """Fill in what the environment decides where the protocol says nothing: the controller, and
    each limit of an episode. Plugins in files get the absolute path of their file.
    """
    kind, protocol = environment_class(config.environment.name), config.protocol
    limits = {**kind.default_limits, **protocol.limits.model_dump(exclude_unset=True)}
    return protocol.model_copy(
        update={
            "controller": controller_name(protocol.controller, config.environment.name, kind),
            "conversation": absolute_name(protocol.conversation),
            "action": absolute_name(protocol.action),
            "limits": EpisodeLimits(**limits),
        }
    )


def _located(config: RunConfig) -> RunConfig:
    """The configuration with absolute paths, of plugins too, and with the controller's name."""
    name = absolute_name(config.environment.name)
    changes: dict[str, Any] = {
        "out": _absolute(config.out),
        "environment": config.environment.model_copy(update={"name": name}),
        "policy": config.policy.model_copy(
            update={"recordings": tuple(map(_absolute, config.policy.recordings))}
        ),
        "protocol": resolved_protocol(config),
    }
    if config.llm is not None:
        changes["llm"] = _with_absolute_cache(config.llm)
    if config.feedback is not None and config.feedback.llm is not None:
        model = _with_absolute_cache(config.feedback.llm)
        changes["feedback"] = config.feedback.model_copy(update={"llm": model})
    if config.generate is not None:
        out = _absolute(config.generate.out)
        changes["generate"] = config.generate.model_copy(update={"out": out})
    return config.model_copy(update=changes)


def _with_resolved_options(config: RunConfig) -> RunConfig:
    environment = config.environment
    kind = environment_class(environment.name)
    options = with_options(environment.name, kind.resolve_options, **environment.options)
    return config.model_copy(
        update={"environment": environment.model_copy(update={"options": options})}
    )


def _with_absolute_cache(model: LLMConfig) -> LLMConfig:
    cache = None if model.cache is None else _absolute(model.cache)
    return model.model_copy(update={"cache": cache})


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _check_same(config: RunConfig, stored: RunProtocol) -> None:
    """Compare all of the protocol that can be known before there is data."""
    later = stored.model_dump(include={"data", "environment_options"})
    differences = stored.differences(run_protocol(config, {}).model_copy(update=later))
    if differences:
        raise RunError(
            f"{config.out} holds a run with another protocol, and their scores must not be mixed:"
            "\n  " + "\n  ".join(differences) + "\nchoose another folder or restore these settings"
        )


def _generate(config: RunConfig, generate: GenerateConfig, stored: RunProtocol | None) -> None:
    """Write the tasks, unless the stored run was played with those that are there."""
    name, note = config.environment.name, generate.out / GENERATED
    asked = generate.model_dump(mode="json", exclude={"out"})
    settings = {"environment": short_name(name), **asked}
    with writing(generate.out):
        new = not note.exists()
        _check_asked(note, settings)
        if stored is not None and _has_data(config, stored):
            return
        if new:
            generate.out.mkdir(parents=True, exist_ok=True)
            with replacing(note) as file:
                file.write(yaml.safe_dump(settings, sort_keys=False).encode())
        try:
            with_options(
                name,
                environment_class(name).generate,
                *(generate.out, generate.count, generate.seed),
                **generate.options,
            )
        except ConfigError:
            if new:
                note.unlink(missing_ok=True)
            raise


def _check_asked(note: Path, settings: dict[str, Any]) -> None:
    """See that a folder holds no other tasks than those that `settings` generate."""
    folder, elsewhere = note.parent, "generate into another folder with --generate.out"
    if not note.exists():
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(
                f"generate.out: {folder} holds files, but no {GENERATED} says what they were "
                f"generated with. To play what is there, leave out `generate`; else {elsewhere}, "
                "and name that folder in the environment's options too"
            )
        return
    there = read_yaml(note.read_text(errors="replace"), str(note))
    if there != settings:
        there = there if isinstance(there, dict) else {}
        changed = [
            f"{key} was {there.get(key)!r} and now is {value!r}"
            for key, value in settings.items()
            if there.get(key) != value
        ]
        raise ConfigError(
            f"generate.out: {folder} holds tasks that were generated with other settings: "
            f"{', '.join(changed)}. Restore them, or {elsewhere}, name that folder in the "
            "environment's options too, and give the run another folder with --out"
        )


def _has_data(config: RunConfig, stored: RunProtocol) -> bool:
    try:
        return data_version(_with_resolved_options(config)) == stored.data
    except (ConfigError, DataError):
        return False
