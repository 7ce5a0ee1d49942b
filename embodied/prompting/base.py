"""The contract of a prompt: how an episode is put into messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any, ClassVar

from embodied.action_formats import make_format
from embodied.action_formats.schema import Schema
from embodied.controller import Controller
from embodied.environment import Observation
from embodied.errors import ConfigError
from embodied.interpreter.session import Output, Session
from embodied.policy import Reply
from embodied.protocol import Protocol
from embodied.trajectory import Message


@dataclass(frozen=True)
class ParsedReply:
    """What a policy's message asks for. Neither action nor answer: it could not be read."""

    action: str | None = None
    answer: str | None = None
    tries_to_answer: bool = False
    """The message spends one of the episode's answers, even if it could not be read."""
    problem: str | None = None
    """Why the message could not be read, where more can be said than that."""


@dataclass(frozen=True)
class Budget:
    """What is left of the episode's limits after a turn."""

    turns: int
    answers: int
    steps: int | None


class Prompt(ABC):
    """The wording and the rules of one protocol.

    Prompts are registered under the entry-point group `embodied.prompts`. Their name also stands
    for a protocol, with the settings in `preset`.

    Raises:
        ConfigError: the protocol's own instructions or its action format do not fit the prompt.
    """

    preset: ClassVar[Mapping[str, Any]] = {}
    """Settings of the protocol with this prompt, as changes to the defaults."""
    template: ClassVar[str]
    """The instructions, in whose place `protocol.system_prompt` may stand."""
    task_mark: ClassVar[str] = ""
    """What stands right before the task, by which the simulated LLM finds it; empty: nothing
    does."""
    bare_actions: ClassVar[bool] = True
    """Whether an action may be the whole of a message, with nothing around it."""

    def __init__(self, protocol: Protocol, controller: type[Controller]) -> None:
        self.protocol = protocol
        self.controller = controller
        self.format = make_format(protocol.action, controller)
        if protocol.system_prompt is not None:
            _check_template(protocol.system_prompt, self.template)

    @abstractmethod
    def initial_messages(self, observation: Observation) -> list[Message]:
        """Write the messages before the first turn."""

    def instructions(self, **values: object) -> str:
        """Fill the template, or the protocol's own in its place."""
        own = self.protocol.system_prompt
        return (self.template if own is None else own).format(**values)

    def reply_schema(self) -> Schema | None:
        """Make the JSON schema of a policy's message; None where it is not all JSON."""
        return self.format.action_schema() if self.bare_actions else None

    @abstractmethod
    def parse_reply(self, reply: Reply) -> ParsedReply:
        """Find the action and the answer in a policy's message."""

    @classmethod
    def wrap_action(cls, content: str) -> str:
        """Put a message whose action stands in `<execute>` tags as a policy writes it here."""
        return content

    @classmethod
    def outcome_of(cls, observation: str) -> str:
        """Take what an action printed or returned out of what the policy is shown."""
        return observation

    def execute(self, action: str, session: Session) -> Output:
        """Run an action."""
        return session.run(action)

    @abstractmethod
    def render_outcome(self, parsed: ParsedReply, output: Output, budget: Budget) -> str:
        """Say what came of a turn, without what surrounds it."""

    def describe_output(self, action: str, output: Output) -> str:
        """Show what an action printed or returned and the files it left, then why it stopped, if
        it did.
        """
        parts = [output.stdout.rstrip("\n"), output.value or ""]
        parts += [f"[file: {file.name}]" for file in output.attachments]
        parts += self.format.explain(action, output)
        return "\n".join(part for part in parts if part)

    @abstractmethod
    def frame_observation(self, body: str, budget: Budget) -> str:
        """Put what came of a turn as the policy is shown it."""

    def tool_results(
        self, calls: int, parsed: ParsedReply, output: Output, budget: Budget
    ) -> list[str]:
        """Answer each of a message's native function calls, in their order.

        The last one also holds all that is not the result of a call.
        """
        texts = output.texts[: calls - 1]
        texts += [_without_result(output, number) for number in range(len(texts) + 1, calls)]
        own = output.texts[calls - 1] if len(output.texts) >= calls else ""
        rest = Output(**{**vars(output), "stdout": own})
        return [*texts, self.frame_observation(self.render_outcome(parsed, rest, budget), budget)]


def _check_template(given: str, own: str) -> None:
    """See that a template has no other placeholders than our own, and shows the task where our own
    does.
    """
    known = _placeholders(own)
    try:
        used = _placeholders(given)
    except ValueError as error:
        raise ConfigError(f"protocol.system_prompt: {error}; {_BRACES}") from None
    listed = ", ".join(f"{{{name}}}" for name in sorted(known))
    if unknown := sorted(used - known):
        raise ConfigError(
            f"protocol.system_prompt: there is no placeholder {{{unknown[0]}}}; there are: "
            f"{listed}; {_BRACES}"
        )
    if "task" in known - used:
        raise ConfigError("protocol.system_prompt must hold {task}, where this prompt has the task")


_BRACES = "a brace of the text itself is written twice"


def _placeholders(template: str) -> set[str]:
    """Collect the placeholders of a template, each with all that stands in its braces."""
    return {
        name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
        for _, name, form, conversion in Formatter().parse(template)
        if name is not None
    }


def _without_result(output: Output, number: int) -> str:
    """Say of a call, counted from 1, why it returned nothing."""
    if output.error is not None and output.error.line == number:
        return f"{output.error.type}: {output.error.message}"
    return "(not run)" if number > len(output.calls) else "The episode has ended."
