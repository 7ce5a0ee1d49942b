"""Answers of experts that know only the conversation that they are sent."""

from __future__ import annotations

import functools
import logging
import re
from collections import OrderedDict
from collections.abc import Generator, Iterator, Set
from typing import TypeVar

from embodied.action_formats import CodeFormat
from embodied.errors import ConfigError
from embodied.plugins.registry import controller_class, load, names
from embodied.policies.expert import Expert, ExpertStep
from embodied.simulated_llm.chat_schema import APIError, ChatRequest
from embodied.simulated_llm.prompt_parsing import GIVE_UP, ParsedPrompt, parse_prompt

_GROUP = "embodied.experts"
_FUNCTION = re.compile(r"\b(\w+)\(")
_KEPT = 64
"""Prompts whose expert is remembered: a run has few, and looking through one takes longer than all
else of an answer."""
_log = logging.getLogger("embodied.llm")
_V = TypeVar("_V")
_Plans = Generator[ExpertStep, str, None]
_ONLY_CODE = (
    "the simulated LLM's expert writes Python: the prompt must show the robot's functions as "
    "Python stubs (action format code). The other formats need one call a message, chosen by what "
    "the last one returned, which a conversation does not say; answer from a recording instead"
)


class ExpertAnswers:
    """Says what an expert would have said in the conversation, in the action format `code`.

    The expert is played anew from the conversation's observations. One that has answered the
    beginning of a conversation is kept, so that a turn costs one plan; a conversation that parts
    from an earlier one is played from its start.

    Args:
        expert: solves a task from its first observation.
        kept: conversations that are remembered.
    """

    def __init__(self, expert: Expert, kept: int = 8192) -> None:
        self._expert = expert
        self._kept = kept
        self._started: OrderedDict[int, _Plans] = OrderedDict()
        self._said: OrderedDict[int, str] = OrderedDict()

    def answer(self, request: ChatRequest) -> str:
        """Say the expert's next plan, or give up where it has none.

        Raises:
            APIError: the conversation is not one of code actions.
        """
        conversation = parse_prompt(request.messages)
        if conversation is None or request.tools or not conversation.wants_code:
            raise APIError(_ONLY_CODE)
        key = _key(conversation, len(conversation.observations))
        said = self._said.get(key)
        if said is None:
            said = self._say(conversation, key)
            _remember(self._said, key, said, self._kept)
        return conversation.wrap_action(said)

    def _say(self, conversation: ParsedPrompt, key: int) -> str:
        seen = conversation.observations
        plans = self._started.pop(_key(conversation, len(seen) - 1), None) if seen else None
        if plans is not None:
            said = _next(plans, seen[-1])
        else:
            plans = self._expert(conversation.task)
            said = _next(plans, None)
            for observation in seen:
                said = _next(plans, observation)
        _remember(self._started, key, plans, self._kept)
        return said


def _key(conversation: ParsedPrompt, observations: int) -> int:
    return hash((conversation.task, conversation.observations[:observations]))


def _next(plans: _Plans, printed: str | None) -> str:
    try:
        plan = next(plans) if printed is None else plans.send(printed)
    except StopIteration:
        return GIVE_UP
    except Exception as error:
        _log.warning("the expert gave up: %r", error)
        return GIVE_UP
    return CodeFormat.render_code(plan.thought, plan.code).content


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
        self._robots = dict(_robots())
        if not self._robots:
            raise ConfigError("no expert is installed; answer from a recording instead")
        self._chosen = functools.lru_cache(_KEPT)(self._choose)

    def answer(self, request: ChatRequest) -> str:
        """Say that expert's next plan, or give up where it has none.

        Raises:
            APIError: the conversation is not one of code actions with such a robot.
        """
        conversation = parse_prompt(request.messages)
        name = self._chosen(conversation.instructions if conversation else "")
        return expert_answers(name).answer(request)

    def _choose(self, instructions: str) -> str:
        shown = set(_FUNCTION.findall(instructions))
        name = max(self._robots, key=lambda name: len(self._robots[name] & shown))
        if 2 * len(self._robots[name] & shown) <= len(self._robots[name]):
            raise APIError(
                "the prompt shows no functions of a robot for which an expert is installed "
                f"({', '.join(self._robots)}). An expert that plays the simulator's own plan "
                "cannot answer from text; answer from a recording instead"
            )
        return name


def _robots() -> Iterator[tuple[str, Set[str]]]:
    for name in names(_GROUP):
        try:
            yield name, controller_class(name).actions().keys()
        except ConfigError as error:
            _log.warning("the expert %s will not answer: %s", name, error)


@functools.cache
def expert_answers(name: str) -> ExpertAnswers:
    """Make the answers of one expert.

    Raises:
        ConfigError: there is none of this name.
    """
    return ExpertAnswers(load(_GROUP, name))
