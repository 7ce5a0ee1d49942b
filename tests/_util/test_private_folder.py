"""The folder that no other user of the machine may enter."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from embodied._util.private_folder import private_folder


def test_it_is_closed_to_others_and_the_same_each_time(tmp_path: Path) -> None:
    folder = private_folder(str(tmp_path / "deep"))
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    assert private_folder(str(tmp_path / "deep")) == folder
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_somebody_else_has_put_there_is_refused(tmp_path: Path) -> None:
    """A link to a folder of one's own would let them move it, a folder of theirs let them in."""
    place = tmp_path / f"embodied-{os.getuid()}"
    (tmp_path / "mine").mkdir()
    place.symlink_to(tmp_path / "mine")
    with pytest.raises(OSError, match="belongs to somebody else; set TMPDIR to"):
        private_folder(str(tmp_path))
    place.unlink()
    place.write_text("")
    with pytest.raises(OSError, match="cannot be made: File exists; set TMPDIR to"):
        private_folder(str(tmp_path))
    place.unlink()
    if os.getuid() == 0:
        place.mkdir()
        os.chown(place, 65534, 65534)
        with pytest.raises(OSError, match="belongs to somebody else; set TMPDIR to"):
            private_folder(str(tmp_path))
