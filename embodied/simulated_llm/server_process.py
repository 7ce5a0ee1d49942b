"""A simulated server in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import urllib.request
from typing import Self

from embodied.errors import ConfigError
from embodied.simulated_llm.engine_statistics import Statistics

ADDRESS = "listening at "
"""What the command prints before its address, once it takes requests."""
_SECONDS = 10.0


class ServerProcess:
    """`embodied simulate-llm` as a context manager.

    Args:
        options: of the command, e.g. `"--answers", "expert"`. Without `--port` any free one is
            taken.
    """

    def __init__(self, *options: str) -> None:
        self._options = options
        self.base_url = ""
        """The API's address, once the server has started."""

    @property
    def pid(self) -> int:
        """Id of the server's process."""
        return self._process.pid

    def statistics(self) -> Statistics:
        """Read the figures since the last reset."""
        return Statistics.model_validate_json(self._ask("/simulation"))

    def reset_statistics(self) -> None:
        """Start a new window of the statistics."""
        self._ask("/simulation/reset", data=b"")

    def __enter__(self) -> Self:
        words = [sys.executable, "-m", "embodied", "simulate-llm", "--port", "0", *self._options]
        self._said = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(  # noqa: S603
            words, stdout=subprocess.PIPE, stderr=self._said, text=True
        )
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        for line in self._process.stdout:
            if ADDRESS in line:
                self.base_url = line.rpartition(ADDRESS)[2].strip()
                return self
        self._process.wait()
        with self._said as said:
            said.seek(0)
            raise ConfigError(f"the simulated LLM did not start: {said.read().strip()}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._said.close()

    def _ask(self, path: str, data: bytes | None = None) -> bytes:
        url = self.base_url.removesuffix("/v1") + path
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, data, timeout=_SECONDS) as answer:
            content: bytes = answer.read()
        return content
