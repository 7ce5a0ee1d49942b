"""The sources of a simulated LLM's answers."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from embodied.errors import ConfigError
from embodied.policy import Reply
from embodied.simulated_llm.chat_schema import ChatRequest


class Answers(Protocol):
    """Answers conversations. Like a server it knows nothing but the request."""

    def answer(self, request: ChatRequest) -> Reply:
        """Say the next message of the conversation.

        Raises:
            APIError: there is none for such a conversation.
        """


class FixedAnswers:
    """Says the same to everybody."""

    def __init__(self, text: str) -> None:
        self._reply = Reply(text)

    def answer(self, request: ChatRequest) -> Reply:
        """Return the text."""
        return self._reply


def make_answers(source: str) -> Answers:
    """Make the source that the command line names.

    Args:
        source: `expert` for whichever knows the robot, `expert:NAME` of an expert's entry point,
            `fixed:TEXT`, `seeing:TEXT` (see `SeeingAnswers`), or the path of a file of recorded
            episodes or of a run's folder.

    Raises:
        ConfigError: the source is none of these.
        DataError: the recording cannot be read.
    """
    kind, _, rest = source.partition(":")
    if kind == "fixed":
        return FixedAnswers(rest)
    if kind == "seeing":
        from embodied.simulated_llm.seeing import SeeingAnswers

        return SeeingAnswers(rest)
    if kind == "expert":
        from embodied.simulated_llm.expert_answers import InstalledExperts, expert_answers

        return expert_answers(rest) if rest else InstalledExperts()
    from embodied.simulated_llm.recorded import RecordedAnswers

    path = Path(source).expanduser()
    if not path.exists():
        raise ConfigError(
            f"there are no answers {source!r}; write expert, fixed:TEXT, seeing:TEXT, or the path "
            "of a file of recorded episodes or of a run's folder"
        )
    return RecordedAnswers.read(path)
