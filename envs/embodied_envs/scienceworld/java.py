"""Java: whether it is there, and a machine that runs ScienceWorld's jar."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
from scienceworld.constants import BASEPATH, JAR_PATH

from embodied._util.closeable import Closeable
from embodied.environment import Requirement
from embodied.errors import ConfigError, InfrastructureError

INSTALLATION = "apt-get install default-jre-headless"

OPTIONS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:+UnlockExperimentalVMOptions", "-XX:hashCode=2")
"""Half a gigabyte of heap, and no threads for collecting garbage. The last two give all objects the
same hash code. The simulator goes through hash sets of objects, and Java's hash codes are otherwise
random numbers, so that the same commands have other consequences each time a task is loaded."""

_VERSION_SECONDS = 20.0
_REQUEST_SECONDS = 300.0
"""How long the simulator may take for one answer. Gold paths of seconds are the longest."""
_GRACE_SECONDS = 5.0


def java_requirement() -> Requirement:
    """Return whether Java is installed, in a version that starts."""
    java = _java()
    if java is None:
        return Requirement("Java", problem=f"no `java` was found; {INSTALLATION}")
    try:
        done = subprocess.run(  # noqa: S603
            [java, "-version"], capture_output=True, text=True, timeout=_VERSION_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Requirement("Java", problem=f"`{java} -version` failed ({error}); {INSTALLATION}")
    lines = [line for line in done.stderr.splitlines() if "version" in line]
    return Requirement("Java", found=lines[0] if lines else java)


def _java() -> str | None:
    """Find the program, on the path or else in `$JAVA_HOME`."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java") or (shutil.which(str(Path(home, "bin/java"))) if home else None)


class JavaMachine(Closeable):
    """A Java process with ScienceWorld's classes, reached through py4j.

    It listens on a free port of the loopback interface, wants a secret of every client, and ends
    when its standard input does: when this process is gone, however it died.

    Raises:
        ConfigError: there is no Java.
        InfrastructureError: Java did not start.
    """

    def __init__(self) -> None:
        java = _java()
        if java is None:
            raise ConfigError(f"scienceworld needs Java, and no `java` was found; {INSTALLATION}")
        try:
            port, secret, self._process = launch_gateway(
                java_path=java,
                classpath=JAR_PATH,
                cwd=BASEPATH,
                javaopts=list(OPTIONS),
                die_on_exit=True,
                enable_auth=True,
                return_proc=True,
            )
        except (OSError, ValueError) as error:
            raise InfrastructureError(f"Java did not start; try `{java} -version`") from error
        parameters = GatewayParameters(port=port, auth_token=secret, read_timeout=_REQUEST_SECONDS)
        self._gateway = JavaGateway(gateway_parameters=parameters)
        self.jvm: Any = self._gateway.jvm
        """The packages of Java."""
        try:
            self._drop_output()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Id of the Java process."""
        return int(self._process.pid)

    def close(self) -> None:
        """End the process; calling this again does nothing.

        Objects of Java that Python collects later would else connect to a port where nobody
        listens, and log that, wherever the collector has just interrupted this process. Within
        `ast.parse` such a log makes it fail, since a logged traceback is parsed as well.
        """
        self._gateway._gateway_client.is_connected = False
        self._gateway.close()
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _drop_output(self) -> None:
        """Keep in Java what the simulator prints at every step; nobody reads it."""
        java = self.jvm.java
        java.lang.System.setOut(java.io.PrintStream(java.io.OutputStream.nullOutputStream()))
