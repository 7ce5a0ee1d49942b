"""A headless Chromium and its driver, which end with this process and leave nothing behind."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from embodied._util.closeable import Closeable
from embodied._util.supervised_process import SupervisedProcess
from embodied.environment import Requirement
from embodied.errors import ConfigError, InfrastructureError

INSTALL = "apt-get install -y chromium chromium-driver"
_STARTED = re.compile(rb"started successfully on port (\d+)")
_START_SECONDS = 60.0
_VERSION_SECONDS = 20.0
_ANSWER_SECONDS = 60
_TAIL_BYTES = 2_000
_LONGEST_FOLDER = 62
"""Bytes of a path below which Chromium can make its socket `org.chromium.Chromium.XXXXXX/
SingletonSocket`: the path of a socket has 107 at most."""
_SWITCHES = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=800,600",
    "--lang=en-US",
    "--remote-debugging-pipe",
    # Nobody goes back to a page, so it need not be kept in a process of its own.
    "--disable-features=BackForwardCache,ProactivelySwapBrowsingInstance",
    # Pages are local files: whatever they ask the network for goes to a port where nobody listens.
    "--proxy-server=http://127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
)


@dataclass(frozen=True)
class Programs:
    """Where the two programs are."""

    chromium: str
    chromedriver: str


def find_programs() -> Programs:
    """Look up Chromium and its driver.

    Raises:
        ConfigError: one of them, or the package that speaks with the driver, is not installed.
    """
    found = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise ConfigError(
            f"the environment 'miniwob' needs {' and '.join(missing)}, which this machine does not "
            f"have; install with: {INSTALL}"
        )
    if importlib.util.find_spec("selenium") is None:
        raise ConfigError(
            "the environment 'miniwob' needs the package 'selenium', which is not installed; "
            "install it with: pip install 'embodied-codeact[miniwob]'"
        )
    return Programs(str(found["chromium"]), str(found["chromedriver"]))


def requirements() -> list[Requirement]:
    """Return whether the two programs are there, with their versions."""
    return [_requirement(name) for name in ("chromium", "chromedriver")]


def _requirement(name: str) -> Requirement:
    path = shutil.which(name)
    if path is None:
        return Requirement(name, problem=f"no `{name}` was found; {INSTALL}")
    try:
        done = subprocess.run(  # noqa: S603
            [path, "--version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Requirement(name, problem=f"`{path} --version` failed ({error}); {INSTALL}")
    return Requirement(name, found=" ".join(done.stdout.split()[:2]))


class Driver(Closeable):
    """A running driver. Its folder holds all that it and its browsers write."""

    def __init__(self, programs: Programs) -> None:
        """Start it.

        Raises:
            InfrastructureError: it does not start.
        """
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - see close()
        self.folder = _new_folder()
        self._process = SupervisedProcess(
            [programs.chromedriver, "--port=0"],
            self._log,
            {"TZ": "UTC", "LANG": "C.UTF-8"},
            folder=self.folder,
            detached=True,
        )
        try:
            self.url = f"http://127.0.0.1:{self._port()}"
        except InfrastructureError:
            self.close()
            raise

    def close(self) -> None:
        """End it with its browsers."""
        self._process.close()
        self._log.close()

    def _port(self) -> int:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.exit_code is None:
            if match := _STARTED.search(self._output()):
                return int(match[1])
            time.sleep(0.01)
        raise InfrastructureError(
            f"chromedriver ended, or did not start within {_START_SECONDS:g} s; it wrote: "
            f"{self._output().decode(errors='replace')}"
        )

    def _output(self) -> bytes:
        return os.pread(self._log.fileno(), _TAIL_BYTES, 0)


def _new_folder() -> Path:
    """Find an unused path for temporary files: in `/tmp` where `$TMPDIR` is too long."""
    name = f"embodied-browser-{uuid.uuid4().hex[:12]}"
    folder = Path(tempfile.gettempdir(), name)
    return folder if len(os.fsencode(folder)) <= _LONGEST_FOLDER else Path("/tmp", name)  # noqa: S108


def new_session(driver: Driver, programs: Programs) -> Any:
    """Open the browser of a new driver, with an empty profile, as Selenium's `Remote`."""
    from selenium import webdriver
    from selenium.webdriver.chrome.remote_connection import ChromeRemoteConnection
    from selenium.webdriver.common.proxy import Proxy
    from selenium.webdriver.remote.client_config import ClientConfig

    options = webdriver.ChromeOptions()
    options.binary_location = programs.chromium
    options.add_experimental_option("excludeSwitches", ["enable-logging"])
    switches = [*_SWITCHES, f"--user-data-dir={driver.folder / 'profile'}"]
    if os.geteuid() == 0:
        switches.append("--no-sandbox")  # root has no user namespaces to build one from
    for switch in switches:
        options.add_argument(switch)
    config = ClientConfig(driver.url, timeout=_ANSWER_SECONDS, proxy=Proxy({"proxyType": "DIRECT"}))
    connection = ChromeRemoteConnection(driver.url, client_config=config)
    return webdriver.Remote(command_executor=connection, options=options)
