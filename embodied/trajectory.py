"""The record of one episode: enough to replay it, to score it and to train on it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    model_validator,
)

from embodied._util.stored_text import ReadFromText, StoredAsText, from_json_text
from embodied.task import Task

SCHEMA_VERSION = 2

TextsByName = Annotated[dict[str, str], ReadFromText, StoredAsText]
NumbersByName = Annotated[dict[str, float], ReadFromText, StoredAsText]
CountsByName = Annotated[dict[str, NonNegativeInt], ReadFromText, StoredAsText]

_CUT = {"length", "max_tokens", "max_output_tokens", "model_length"}
"""Finish reasons of answers that used up the tokens that they may have, as servers name them."""


class Record(BaseModel):
    """Base of all records: unknown keys are errors, and so are numbers that JSON does not know."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ToolCall(Record):
    """One native function call in a policy's message, in the shape of the chat-completions API."""

    id: str
    name: str
    arguments: str
    """A JSON object, by parameter name."""


class Message(Record):
    """One message of the conversation, in the shape of the chat-completions API."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: list[ToolCall] = Field(default_factory=list)
    tool_call_id: str | None = None
    """Of a message with the role `tool`: the call that it answers."""


class ErrorRecord(Record):
    """An error that the policy caused and was shown."""

    type: str
    """Name of the exception type, e.g. `NameError`."""
    message: str
    line: int | None = None
    """Line of the code action, counted from 1."""
    statement: int | None = None
    """Line of the statement that was running, where `line` is in a function that it called."""
    column: int | None = None
    """Character of that line, counted from 1, where the error can be pinned down."""
    variables: TextsByName = Field(default_factory=dict)
    """The variables that the failing line uses, and the `repr` of their values."""


class AttachmentRecord(Record):
    """A file that an action left, such as a figure that it drew."""

    name: str
    media_type: str
    data: Base64Bytes


class StepRecord(Record):
    """One environment step."""

    command: str
    observation: str
    reward: float
    terminated: bool
    truncated: bool
    success: bool
    seconds: float


class ApprovalRecord(Record):
    """Who let a call be made, or refused it."""

    approved: bool
    by: str
    """`terminal`, `allow` and `deny` (the setting), `rule`, `mcp`, `nobody`."""
    reason: str = ""
    """Why it was refused, in the words of who did."""
    seconds: float = 0.0
    """How long the call was held."""


class CallRecord(Record):
    """One controller method call that a code action made."""

    name: str
    arguments: Annotated[dict[str, Any], StoredAsText]
    """By parameter name; of a call that does not fit the signature, by position (`"0"`, …)."""
    result: Annotated[Any, StoredAsText] = None
    error: ErrorRecord | None = None
    line: int | None = None
    """Source line of the call in its code action, counted from 1."""
    group: int | None = None
    """Of calls that ran side by side, as `asyncio.gather` makes them: the same number, counted from
    1 in the action; None: it ran alone. A robot without `async def` actions makes these, too, one
    after another."""
    approval: ApprovalRecord | None = None
    """Of a call that was held until it was approved."""
    seconds: float
    steps: list[StepRecord] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _read_texts(cls, value: Any) -> Any:
        """Read arguments and result as JSON holds them: both are texts, or neither is."""
        if not isinstance(value, dict) or not isinstance(value.get("arguments"), str):
            return value
        texts = {name: value[name] for name in ("arguments", "result") if name in value}
        return value | {name: from_json_text(text) for name, text in texts.items()}


class Usage(Record, frozen=True):
    """Tokens of one or more policy replies, as the server counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens that the server found in its prefix cache; 0 where it does not say."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
        )


def is_cut(finish_reason: str | None) -> bool:
    """Tell whether a model's message ends because it used up the tokens that it may have."""
    return finish_reason is not None and finish_reason.lower() in _CUT


class TokenRecord(Record):
    """The tokens of one message as the server had them; tokenising text again may give others."""

    prompt_ids: list[NonNegativeInt]
    """All that the model read, with the chat template's own tokens."""
    completion_ids: list[NonNegativeInt]
    """All that it wrote, with thoughts and the token that ends it."""
    completion_logprobs: list[float] | None = None
    """Natural logarithm of each one's probability; None where the server does not say."""


class TurnSeconds(Record):
    """Where the wall time of a turn went, in seconds."""

    policy: float = 0.0
    """Waiting for the policy's message, and for a comment on the turn."""
    interpreter: float = 0.0
    """Running the action, without the environment's part."""
    environment: float = 0.0
    """Steps of the environment."""
    framework: float = 0.0
    """All else: reading the message, wording the observation."""


class Turn(Record):
    """One policy message and the observation that answers it."""

    message: str
    """The policy's message, unchanged."""
    reasoning: str | None = None
    """What a thinking model thought before it; never part of the conversation."""
    finish_reason: str | None = None
    """Why a model's message ends, in its server's word: `stop`, `length`, …"""
    tokens: TokenRecord | None = None
    """The tokens of the message and what led to it, where they are asked for and sent."""
    served_model: str | None = None
    """What the server calls the model that wrote it, where that is not the name asked for."""
    cached: bool = False
    """Whether it was kept from an earlier run, so that no server was asked."""
    llm_retries: list[str] = Field(default_factory=list)
    """What each failed request for the message, or for the comment on it, met before one was
    answered, in words."""
    action: str | None = None
    """The action that was read from the message; None where there was none."""
    answer: str | None = None
    """The answer that the message proposed, if any."""
    stdout: str = ""
    """What the action printed, before any shortening for the prompt."""
    error: ErrorRecord | None = None
    limit: str | None = None
    """The limit that stopped the action, in words."""
    interpreter: str | None = None
    """What ran the action's code: `restricted` or `full`; None where no code has run."""
    format_error: bool = False
    """The message could not be read as an action."""
    unread_calls: bool = False
    """The message's text holds native function calls that its server should have read."""
    calls: list[CallRecord] = Field(default_factory=list)
    attachments: list[AttachmentRecord] = Field(default_factory=list)
    """Files that the action left."""
    observation: str
    """What the policy was shown in return."""
    tool_calls: list[ToolCall] = Field(default_factory=list)
    """The message's native function calls, in the action format `tools`."""
    tool_results: list[str] = Field(default_factory=list)
    """What each of these was answered; together they are the observation."""
    summary: str | None = None
    """What the policy wrote before the message to sum up the oldest turns, in whose place it was
    shown from here on."""
    feedback: str | None = None
    """The comment that ends the observation, where the protocol has somebody comment."""
    feedback_usage: Usage = Field(default_factory=Usage)
    """Tokens that the comment took."""
    cut: bool = False
    """Whether parts were left out or cut, since the episode would have been too long to store."""
    usage: Usage = Field(default_factory=Usage)
    seconds: TurnSeconds = Field(default_factory=TurnSeconds)

    @property
    def is_cut(self) -> bool:
        """Whether the message ends because it used up the tokens that it may have."""
        return is_cut(self.finish_reason)

    @property
    def is_empty(self) -> bool:
        """Whether the message says nothing and calls nothing."""
        return not self.message.strip() and not self.tool_calls

    @property
    def messages(self) -> list[Message]:
        """The turn as the conversation holds it: the policy's message, then what answers it."""
        said = Message(role="assistant", content=self.message, tool_calls=self.tool_calls)
        if not self.tool_calls:
            return [said, Message(role="user", content=self.observation)]
        results = zip(self.tool_calls, self.tool_results, strict=True)
        answers = [Message(role="tool", content=text, tool_call_id=c.id) for c, text in results]
        return [said, *answers]


class Outcome(StrEnum):
    """How an episode ended."""

    SUCCESS = "success"
    """The simulator's own goal test is true."""
    FAILURE = "failure"
    """It ended with the goal test false: the simulator ended it or the policy gave up."""
    TRUNCATED = "truncated"
    """A limit of the protocol cut it; `Trajectory.limit` says which."""
    UNSCORED = "unscored"
    """It ended, and nothing says whether the goal was reached (`Capabilities.scored`)."""
    INFRASTRUCTURE_ERROR = "infrastructure_error"
    """Not the policy's fault; never scored."""


class Trajectory(Record):
    """The whole record of one episode."""

    schema_version: int = SCHEMA_VERSION
    episode_id: str
    """Unique within a run: the task's id and the number of the sample."""
    task: Task
    sample: int = 0
    """Which of the run's episodes of this task, counted from 0."""
    seed: int | None = None
    policy: str
    """Name of the policy, with its model where it has one."""
    outcome: Outcome
    limit: str | None = None
    """`turns`, `steps` or `context` where one of them cut the episode."""
    error: str | None = None
    """What failed, where the outcome is `infrastructure_error`."""
    traceback: str | None = None
    """Python's traceback of that, where it is an exception."""
    reward: float = 0.0
    """Sum of the rewards of all environment steps."""
    metrics: NumbersByName = Field(default_factory=dict)
    """The numbers in `info["metrics"]` of the last environment step, by their names."""
    first_observation: str = ""
    prompt: list[Message] = Field(default_factory=list)
    """The messages before the first turn."""
    turns: list[Turn] = Field(default_factory=list)
    attempts: int = 1
    """How often the episode was started until it came to this end."""
    retries: list[str] = Field(default_factory=list)
    """Why earlier attempts were given up."""
    started_at: str = ""
    """UTC, ISO 8601."""
    seconds: float = 0.0
    """Wall time of the last attempt."""

    @property
    def messages(self) -> list[Message]:
        """The conversation: prompt, then message and observation of each turn."""
        return [*self.prompt, *(message for turn in self.turns for message in turn.messages)]

    @property
    def calls(self) -> list[CallRecord]:
        """All controller calls, in order."""
        return [call for turn in self.turns for call in turn.calls]

    @property
    def steps(self) -> list[StepRecord]:
        """All environment steps, in the order of the calls."""
        return [step for call in self.calls for step in call.steps]

    @property
    def usage(self) -> Usage:
        """Tokens of the policy in all turns together."""
        return sum((turn.usage for turn in self.turns), Usage())

    @property
    def feedback_usage(self) -> Usage:
        """Tokens of the comments in all turns together."""
        return sum((turn.feedback_usage for turn in self.turns), Usage())
