"""Answers of experts that know only the conversation that they are sent."""

from __future__ import annotations

import builtins
import functools
import logging
import re
from collections import OrderedDict
from collections.abc import Generator, Set
from typing import TypeVar

from embodied.action_formats import FORMATS, CallFormat, CodeFormat, make_format
from embodied.action_formats.diagnostics import read_failure
from embodied.action_formats.json_values import literal
from embodied.controller import Controller
from embodied.errors import ConfigError
from embodied.interpreter import Interpreters
from embodied.plugins.registry import controller_class, load, names
from embodied.policies.expert import Expert, ExpertSteps, call_by_call
from embodied.policies.plan_stepper import PlanStepper
from embodied.policy import Reply
from embodied.prompting import Prompt
from embodied.simulated_llm.chat_schema import APIError, ChatRequest
from embodied.simulated_llm.prompt_parsing import GIVE_UP, ParsedPrompt, parse_prompt

_GROUP = "embodied.experts"
_FUNCTION = re.compile(r"\b(\w+)\(|^(\w+)(?:,| *$)", re.MULTILINE)
"""How prompts show the robot's functions: as Python, or by a name that begins a line."""
_KEPT = 64
"""Prompts whose expert is remembered: a run has few, and looking through one takes longer than all
else of an answer."""
_log = logging.getLogger("embodied.llm")
_V = TypeVar("_V")
_Said = Generator[Reply, str, None]
"""Yields messages, receives what the policy is shown of each."""


class ExpertAnswers:
    """Says what an expert would have said in the conversation, in its action format.

    The expert is played anew from the conversation's observations. One that has answered the
    beginning of a conversation is kept, so that a turn costs one plan; a conversation that parts
    from an earlier one is played from its start.

    Args:
        expert: solves a task from its first observation.
        robot: whose functions the expert calls; without it, it can only write Python.
        kept: conversations that are remembered.
    """

    def __init__(
        self, expert: Expert, robot: type[Controller] | None = None, kept: int = 8192
    ) -> None:
        self._expert = expert
        self._robot = robot
        self._kept = kept
        self._started: OrderedDict[int, _Said] = OrderedDict()
        self._said: OrderedDict[int, Reply] = OrderedDict()
        self._interpreters = Interpreters()
        self._format = functools.lru_cache(_KEPT)(self._find_format)

    def answer(self, request: ChatRequest) -> Reply:
        """Say the expert's next plan, or its next call; give up where it has none.

        Raises:
            APIError: the conversation shows no robot's functions in a known action format.
        """
        conversation = parse_prompt(request.messages)
        if conversation is None:
            raise APIError("the conversation holds no message of a user")
        key = _key(conversation, len(conversation.observations))
        said = self._said.get(key)
        if said is None:
            said = self._say(conversation, tuple(request.tool_names), key)
            _remember(self._said, key, said, self._kept)
        return conversation.worded(said)

    def _say(self, conversation: ParsedPrompt, tools: tuple[str, ...], key: int) -> Reply:
        seen = conversation.observations
        messages = self._started.pop(_key(conversation, len(seen) - 1), None) if seen else None
        if messages is not None:
            said = _next(messages, seen[-1])
        else:
            messages = self._begin(conversation, tools)
            said = _next(messages, None)
            for observation in seen:
                said = _next(messages, observation)
        _remember(self._started, key, messages, self._kept)
        return said

    def _begin(self, conversation: ParsedPrompt, tools: tuple[str, ...]) -> _Said:
        action_format = self._format(conversation.instructions, tools, conversation.wants_code)
        steps = self._expert(conversation.task)
        if action_format is None:
            return _in_code(steps)
        make = functools.partial(self._interpreters.session, "restricted", check=False)
        stepper = PlanStepper(action_format.controller, make)
        return _in_calls(steps, action_format, stepper, conversation.prompt)

    def _find_format(
        self, instructions: str, tools: tuple[str, ...], wants_code: bool
    ) -> CallFormat | None:
        """Find the format of calls in which a prompt shows the robot; None: it wants code."""
        if wants_code and not tools:
            return None
        formats = [make_format(name, self._robot) for name in names(FORMATS)] if self._robot else []
        for action_format in formats:
            if not isinstance(action_format, CallFormat):
                continue
            own = [str(tool["function"]["name"]) for tool in action_format.tools()]
            if tuple(own) == tools and (tools or action_format.describe_api() in instructions):
                return action_format
        raise APIError(
            "the prompt shows the functions of the expert's robot in no action format that the "
            "simulated LLM knows; answer from a recording instead"
        )


def _in_code(steps: ExpertSteps) -> _Said:
    step = next(steps, None)
    while step is not None:
        step = _sent(steps, (yield CodeFormat.render_code(step.thought, step.code)))


def _in_calls(
    steps: ExpertSteps, action_format: CallFormat, stepper: PlanStepper, prompt: type[Prompt]
) -> _Said:
    """Make one call a message; what it returned is read from what the policy is shown."""
    messages = call_by_call(functools.partial(_sent, steps), stepper)
    said = next(messages, None)
    while said is not None:
        thought, calls = said
        shown = yield action_format.render(thought, calls)
        returned = action_format.controller.actions()[calls[-1].name].signature.return_annotation
        answer = _answer(prompt.outcome_of(shown), returned)
        said = _sent(messages, (shown, answer))


_Sent = TypeVar("_Sent")
_Yielded = TypeVar("_Yielded")


def _sent(source: Generator[_Yielded, _Sent, None], value: _Sent | None) -> _Yielded | None:
    """Send a value to a generator, or start it; None: it has ended."""
    try:
        return next(source) if value is None else source.send(value)
    except StopIteration:
        return None


def _answer(outcome: str, returned: object) -> object:
    """Read what a call returned, or the exception that it raised, from what is said of it."""
    failure = read_failure(outcome)
    if failure is not None:
        name, message = failure
        kind = getattr(builtins, name, RuntimeError)
        is_error = isinstance(kind, type) and issubclass(kind, Exception)
        return kind(message) if is_error else RuntimeError(message)
    if returned is str:
        return outcome
    try:
        return literal(outcome)
    except ValueError:
        return outcome


def _key(conversation: ParsedPrompt, observations: int) -> int:
    shown = conversation.observations[:observations]
    return hash((conversation.instructions, conversation.task, shown))


def _next(messages: _Said, shown: str | None) -> Reply:
    try:
        return _sent(messages, shown) or GIVE_UP
    except Exception as error:
        _log.warning("the expert gave up: %r", error)
        return GIVE_UP


def _remember(known: OrderedDict[int, _V], key: int, value: _V, most: int) -> None:
    known[key] = value
    if len(known) > most:
        known.popitem(last=False)


class InstalledExperts:
    """Chooses the expert by the functions in the prompt: the one whose robot has the most of them,
    and more than half of its own. Robots share names such as `look` and `wait`.

    Raises:
        ConfigError: no expert is installed.
    """

    def __init__(self) -> None:
        self._robots: dict[str, Set[str]] = {}
        for name in names(_GROUP):
            try:
                self._robots[name] = controller_class(name).actions().keys()
            except ConfigError as error:
                _log.warning("the expert %s will not answer: %s", name, error)
        if not self._robots:
            raise ConfigError("no expert is installed; answer from a recording instead")
        self._chosen = functools.lru_cache(_KEPT)(self._choose)

    def answer(self, request: ChatRequest) -> Reply:
        """Say that expert's next message, or give up where it has none.

        Raises:
            APIError: the conversation shows no such robot.
        """
        conversation = parse_prompt(request.messages)
        instructions = conversation.instructions if conversation else ""
        name = self._chosen(instructions, tuple(request.tool_names))
        return expert_answers(name).answer(request)

    def _choose(self, instructions: str, tools: tuple[str, ...]) -> str:
        shown = {"".join(found) for found in _FUNCTION.findall(instructions)}.union(tools)
        name = max(self._robots, key=lambda name: len(self._robots[name] & shown))
        if 2 * len(self._robots[name] & shown) <= len(self._robots[name]):
            raise APIError(
                "the prompt shows no functions of a robot for which an expert is installed "
                f"({', '.join(self._robots)}). An expert that plays the simulator's own plan "
                "cannot answer from text; answer from a recording instead"
            )
        return name


@functools.cache
def expert_answers(name: str) -> ExpertAnswers:
    """Make the answers of one expert.

    Raises:
        ConfigError: there is none of this name.
    """
    return ExpertAnswers(load(_GROUP, name), controller_class(name))
