"""Converts SmolLM2's GGUF file to a Hugging Face folder, for servers that read no GGUF.

    python convert.py FILE.gguf FOLDER

A program of its own: the interpreter that has torch and transformers, usually that of the LLM
server, need not have `embodied`, of which it imports nothing. Ends with 3 where a library is
missing, after a line for each.
"""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

NEEDED = ("torch>=2", "transformers>=5", "gguf", "accelerate")
MISSING = 3


def missing() -> list[str]:
    """List what this interpreter lacks of `NEEDED`."""
    return [requirement for requirement in NEEDED if not _has(requirement)]


def _has(requirement: str) -> bool:
    name, _, oldest = requirement.partition(">=")
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return int(version.partition(".")[0]) >= int(oldest or 0)


def convert(gguf: Path, folder: Path) -> None:
    """Write weights, configuration, tokenizer and chat template into a folder."""
    import torch
    from tokenizers import pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, quantization_config=GgufConfig(dequantize=True)
    )
    model.to(torch.bfloat16).save_pretrained(folder)

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    tokenizer.model_max_length = model.config.max_position_embeddings
    # The file says `tokenizer.ggml.pre: smollm`, each digit for itself; transformers reads over it.
    digits, backend = pre_tokenizers.Digits(individual_digits=True), tokenizer.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Sequence([digits, backend.pre_tokenizer])
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    if absent := missing():
        print("\n".join(absent))
        sys.exit(MISSING)
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
