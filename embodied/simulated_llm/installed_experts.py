"""Answers of whichever installed expert knows the robot that a conversation shows."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Iterator, Set

from embodied.errors import ConfigError
from embodied.plugins.registry import controller_class, load, names
from embodied.simulated_llm.chat_schema import APIError, ChatRequest
from embodied.simulated_llm.expert_answers import ExpertAnswers
from embodied.simulated_llm.prompt_parsing import parse_prompt

_log = logging.getLogger("embodied.llm")
_GROUP = "embodied.experts"
_FUNCTION = re.compile(r"\b(\w+)\(")
_KEPT = 64
"""Prompts whose expert is remembered: a run has few, and looking through one takes longer than all
else of an answer."""


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
    """Yield every expert's name, and the functions of its robot."""
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
