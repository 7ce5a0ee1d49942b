"""Writes the tasks that a run asks for, where they are not there yet."""

from __future__ import annotations

from typing import Any

import yaml

from embodied.config.load import read_yaml
from embodied.config.schema import GenerateConfig
from embodied.errors import ConfigError
from embodied.plugins.plugin_file import short_name
from embodied.plugins.registry import environment_class, with_options
from embodied.store.layout import replacing, writing

GENERATED = "generated.yaml"
"""In a folder of generated tasks: what they were generated with."""


def generate_tasks(name: str, generate: GenerateConfig) -> None:
    """Write the tasks of an environment, and beside them what they were generated with.

    Raises:
        ConfigError: the environment has no generator, or an option is wrong.
        RunError: the folder cannot be written.
    """
    note = generate.out / GENERATED
    with writing(generate.out):
        new = not note.exists()
        if new:
            generate.out.mkdir(parents=True, exist_ok=True)
            with replacing(note) as file:
                file.write(yaml.safe_dump(_settings(name, generate), sort_keys=False).encode())
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


def check_generated(name: str, generate: GenerateConfig) -> None:
    """Raise ConfigError for a folder that holds anything but the tasks to be generated."""
    folder, settings = generate.out, _settings(name, generate)
    note, elsewhere = folder / GENERATED, "generate into another folder with --generate.out"
    with writing(folder):
        noted = note.read_text(errors="replace") if note.exists() else None
        used = folder.exists() and any(folder.iterdir())
    if noted is None:
        if used:
            raise ConfigError(
                f"generate.out: {folder} holds files, but no {GENERATED} says what they were "
                f"generated with. To play what is there, leave out `generate`; else {elsewhere}, "
                "and name that folder in the environment's options too"
            )
        return
    there = read_yaml(noted, str(note))
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


def _settings(name: str, generate: GenerateConfig) -> dict[str, Any]:
    asked = generate.model_dump(mode="json", exclude={"out"})
    return {"environment": short_name(name), **asked}
