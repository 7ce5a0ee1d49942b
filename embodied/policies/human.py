"""Human: a person plays in the terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from embodied.action_formats import FORMATS, format_class
from embodied.controller import Controller
from embodied.environment import Observation
from embodied.errors import ConfigError
from embodied.plugins.registry import names
from embodied.policy import Policy, Reply
from embodied.prompting import wrap_action
from embodied.protocol import Protocol
from embodied.task import Task
from embodied.trajectory import Message, Trajectory

_KEYBOARD = ThreadPoolExecutor(1, "keyboard")
"""One may wait for a person for hours; threads of simulators may not."""
_HELP = "Write {what} and end with an empty line; an empty line alone gives up."


class HumanPolicy(Policy):
    """Shows each message and reads an action from the terminal."""

    name = "human"
    interactive = True

    def begin(
        self, task: Task, robot: Controller, observation: Observation, protocol: Protocol
    ) -> None:
        """Take the action format and the wording; ConfigError for one that nobody can type."""
        action_format = format_class(protocol.action)
        if action_format.native_calls:
            others = [n for n in names(FORMATS) if not format_class(n).native_calls]
            raise ConfigError(
                "nobody can type native function calls; for the policy human choose the action "
                f"format {', '.join(others)}"
            )
        self._protocol = protocol
        self._help = _HELP.format(what=action_format.phrases.written)
        self._asked = False

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        """Ask for an action; None to give up.

        Raises:
            ConfigError: there is no person, and a pipe has nothing for this episode.
        """
        said = [i for i, m in enumerate(messages, 1) if m.role == "assistant" and self._asked]
        for message in messages[max(said, default=0) :]:
            if message.role != "assistant":
                print(message.text, flush=True)
        first, self._asked = not self._asked, True
        text, ended = await asyncio.get_running_loop().run_in_executor(
            _KEYBOARD, _read_lines, self._help
        )
        if ended and first and not text and not sys.stdin.isatty():
            raise ConfigError("standard input has ended; the policy human has nobody to ask")
        reply = Reply(f"<execute>\n{text}\n</execute>")
        return wrap_action(reply, self._protocol) if text else None

    async def summarize(self, messages: Sequence[Message]) -> None:
        """Write none: the terminal shows everything."""


def show_end(trajectory: Trajectory) -> None:
    """Print what the person has not seen of an episode: its last observation and how it ended.

    The step that reaches the goal breaks off the action, before that prints what came of it.
    """
    if trajectory.turns:
        last = trajectory.turns[-1]
        print(last.observation)
        steps = [step.observation for call in last.calls for step in call.steps]
        if steps and steps[-1] not in last.observation:
            print(steps[-1])
    limit = f" ({trajectory.limit})" if trajectory.limit else ""
    print(f"The episode has ended: {trajectory.outcome}{limit}.", flush=True)


def _read_lines(help_text: str) -> tuple[str, bool]:
    """Read the lines up to an empty one; tell whether the input has ended.

    Not by `input`: the process may end at the prompt, and readline would leave the terminal mute.
    """
    print(help_text)
    lines: list[str] = []
    while True:
        print("... " if lines else ">>> ", end="", flush=True)
        line = sys.stdin.readline()
        if not line.strip("\r\n"):
            return "\n".join(lines), not line
        lines.append(line.rstrip("\r\n"))
