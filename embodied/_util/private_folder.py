"""A folder for temporary files that no other user of the machine may enter."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

_HINT = "set TMPDIR to a folder of your own"


def private_folder(parent: str | None = None) -> Path:
    """Make the folder, unless it is there. It stays, and is the same for all processes of a user.

    Programs that open their own files to everybody, as Ray does, may keep them in it.

    Args:
        parent: the folder that it is in; None: the one for temporary files.

    Raises:
        OSError: it cannot be made, or is somebody else's.
    """
    folder = Path(parent or tempfile.gettempdir(), f"embodied-{os.getuid()}").absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            raise PermissionError(0, "what is there belongs to somebody else")
        folder.chmod(0o700)
    except OSError as error:
        raise OSError(f"the folder {folder} cannot be made: {error.strerror}; {_HINT}") from None
    return folder
