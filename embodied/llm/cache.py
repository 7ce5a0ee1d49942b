"""Completions kept on disk, so that a run repeated during development asks nothing twice."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embodied.errors import ConfigError

_APPLICATION_ID = 0x656D6231
"""Marks the file as ours: https://www.sqlite.org/pragma.html#pragma_application_id."""
_LOCKED_SECONDS = 5.0


class CompletionCache:
    """Maps exact requests to the bodies of their answers. Processes may share a file.

    It keeps only requests whose answer is the same each time: with a seed, or temperature 0.

    Args:
        path: the file; it is made where it is missing.
        base_url: the server, which is part of each request.

    Raises:
        ConfigError: the file cannot be used, or is something else.
    """

    def __init__(self, path: Path, base_url: str) -> None:
        self._path = path
        self._base_url = base_url
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._file = sqlite3.connect(path, timeout=_LOCKED_SECONDS, isolation_level=None)
            try:
                self._set_up()
            except BaseException:
                self._file.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(str(error)) from None

    def get(self, request: Mapping[str, Any]) -> str | None:
        """Look up the body of the answer to a request."""
        if not _is_repeatable(request):
            return None
        query = "SELECT body FROM answers WHERE request = ?"
        row = self._execute(query, self._key(request))
        return row[0] if row and isinstance(row[0], str) else None

    def put(self, request: Mapping[str, Any], body: str) -> None:
        """Keep the body of an answer."""
        if _is_repeatable(request):
            self._execute("REPLACE INTO answers VALUES (?, ?)", self._key(request), body)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _set_up(self) -> None:
        (id_,) = self._file.execute("PRAGMA application_id").fetchone()
        (tables,) = self._file.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables and id_ != _APPLICATION_ID:
            raise self._unusable("it is another program's database")
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = OFF")
        self._file.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS answers (request BLOB PRIMARY KEY, body TEXT) WITHOUT ROWID"
        )

    def _execute(self, statement: str, *values: object) -> Any:
        """Fetch a result's first row; None also while others lock the file: a cache may forget."""
        try:
            return self._file.execute(statement, values).fetchone()
        except sqlite3.OperationalError:
            return None
        except sqlite3.Error as error:
            raise self._unusable(str(error)) from None

    def _key(self, request: Mapping[str, Any]) -> bytes:
        text = json.dumps([self._base_url, request], sort_keys=True)
        return hashlib.sha256(text.encode()).digest()

    def _unusable(self, reason: str) -> ConfigError:
        return ConfigError(
            f"llm.cache: {self._path} cannot hold answers: {reason}; name another file, or delete "
            "this one if it is a damaged cache"
        )


def _is_repeatable(request: Mapping[str, Any]) -> bool:
    return request.get("temperature") == 0 or "seed" in request
