"""ScienceWorld itself, asked for no more than what is needed.

The package's own `ScienceWorldEnv` reads all valid actions, the room, the inventory and the task
after each step. Here a step asks for its text, the score and whether the task is over.
"""

from __future__ import annotations

import json
from typing import Any

from embodied._util.closeable import Closeable
from embodied.errors import InfrastructureError
from embodied_envs.scienceworld.java import JavaMachine

SIMPLIFICATIONS = (
    "noElectricalAction",
    "openContainers",
    "openDoors",
    "selfWateringFlowerPots",
    "teleportAction",
)
EASY = "easy"

_SCRAMBLED = 0x5DEECE66D
"""What `java.util.Random.setSeed` mixes into a seed."""


class Simulator(Closeable):
    """One Java process that plays one task at a time.

    Methods raise `Py4JError` where the process is gone or its code failed.

    Raises:
        ConfigError: there is no Java.
        InfrastructureError: Java did not start.
    """

    def __init__(self) -> None:
        self._machine = JavaMachine()
        jvm = self._machine.jvm
        try:
            self._join = jvm.java.lang.String.join
            self._streams = jvm.java.io
            self._server = jvm.scienceworld.runtime.pythonapi.PythonInterface()
            self._random = getattr(getattr(jvm.scala.util, "Random$"), "MODULE$").self()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Id of the Java process."""
        return self._machine.pid

    def load(self, task: str, variation: int, simplifications: str) -> str:
        """Start a variation from its beginning; returns why it cannot, or an empty text."""
        return str(self._server.load(task, variation, simplifications, False))

    def gold_path(self, task: str, variation: int, simplifications: str) -> list[str]:
        """Start a variation from its beginning, and return commands that solve it.

        The simulator finds them by playing, which takes up to some seconds.
        """
        self._server.load(task, variation, simplifications, True)
        return self._lines(self._server.getGoldActionSequence())

    def description(self) -> str:
        """Return what the task is."""
        return str(self._server.getTaskDescription())

    def step(self, command: str) -> tuple[str, int, bool]:
        """Send a command; returns the text, the score (-100 to 100) and whether the task is over.

        Raises:
            InfrastructureError: the simulator broke off inside.
        """
        text = str(self._server.step(command))
        score = round(100 * self._server.getScore())
        over = bool(self._server.getCompleted()) or score < 0
        if score < 0:
            self._check_alive()
        return text, score, over

    def valid_commands(self) -> list[str]:
        """List what can be done now, or in an ambiguous state the numbers to choose from; sorted.

        The simulator draws random numbers to list it; they are put back.
        """
        seed = self._seed()
        lines = self._lines(self._server.getValidActionObjectCombinations())
        self._random.setSeed(seed ^ _SCRAMBLED)
        return sorted(set(lines))

    def templates(self) -> list[str]:
        """List the forms of command that the loaded task knows, such as `move OBJ to OBJ`."""
        return self._lines(self._server.getPossibleActions())

    def tasks(self) -> list[str]:
        """List the names of the tasks, sorted."""
        return sorted(self._lines(self._server.getTaskNames()))

    def variations(self, task: str, split: str) -> list[int]:
        """List the variations of a task that belong to `train`, `dev` or `test`."""
        self.load(task, 0, "")
        listed = getattr(self._server, f"getVariations{split.capitalize()}")()
        return list(json.loads(listed.toString()))

    def descriptions(self, task: str, variations: list[int]) -> list[str]:
        """Describe some variations of a task, without loading each."""
        known = self._server.taskMaker().getTask(task).get()
        described = []
        for variation in variations:
            self._random.setSeed(variation)
            described.append(str(known.setupGoals(variation).description()).strip())
        return described

    def close(self) -> None:
        """End the process; calling this again does nothing."""
        self._machine.close()

    def _lines(self, texts: Any) -> list[str]:
        """Read a Java list of texts, in one request."""
        joined = str(self._join("\n", texts))
        return joined.split("\n") if joined else []

    def _check_alive(self) -> None:
        agent = self._server.agentInterface().get()
        if agent.isInErrorState():
            raise InfrastructureError(
                f"ScienceWorld broke off: {agent.getErrorStateMessage()!s:.500}"
            )

    def _seed(self) -> int:
        """Read the state of the random numbers: the last field of their serialization."""
        content = self._streams.ByteArrayOutputStream()
        stream = self._streams.ObjectOutputStream(content)
        stream.writeObject(self._random)
        stream.flush()
        return int.from_bytes(content.toByteArray()[-9:-1], "big")
