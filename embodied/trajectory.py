"""The record of one episode: enough to replay it, to score it and to train on it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
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


class TextPart(Record):
    """A text within a message that also has pictures."""

    type: Literal["text"] = "text"
    text: str


class PicturePart(Record):
    """A picture within a message. A record names it by its hash: its bytes are stored beside."""

    type: Literal["picture"] = "picture"
    name: str
    """That of the camera, or whatever else it was called."""
    media_type: Literal["image/png", "image/jpeg", "image/gif", "image/webp"]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of its bytes, in hexadecimal digits."""
    data: bytes | None = Field(None, exclude=True, repr=False)
    """Its bytes, where they are at hand: in an episode that is played, and in one that a run's
    reader was asked to load with its pictures. No record holds them."""

    @field_validator("data")
    @classmethod
    def _is_not_recorded(cls, value: bytes | None, info: ValidationInfo) -> bytes | None:
        if value is not None and info.mode == "json":
            raise ValueError("no record holds the bytes of a picture")
        return value

    @property
    def label(self) -> str:
        """The line that stands before the picture."""
        return f"[picture: {self.name}]"

    @property
    def absent(self) -> TextPart:
        """The line that stands in its place where it is not shown."""
        return TextPart(text=not_shown(self.name))


def not_shown(name: str, reason: str = "") -> str:
    """Write the line that stands in the place of a picture, with the reason where one is known."""
    return f"[picture: {name}, not shown{': ' if reason else ''}{reason}]"


Part = Annotated[TextPart | PicturePart, Field(discriminator="type")]
Content = str | list[Part]
"""What a message says: a text, or, where pictures belong to it, its parts in order."""


def join_parts(parts: Iterable[TextPart | PicturePart]) -> Content:
    """Make a content of parts: texts that follow each other become one, of several lines."""
    joined: list[TextPart | PicturePart] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, TextPart) and isinstance(last, TextPart):
            joined[-1] = TextPart(text=f"{last.text}\n{part.text}")
        else:
            joined.append(part)
    if len(joined) == 1 and isinstance(joined[0], TextPart):
        return joined[0].text
    return joined


class Message(Record):
    """One message of the conversation, much in the shape of the chat-completions API."""

    role: Literal["system", "user", "assistant", "tool"]
    content: Content
    tool_calls: list[ToolCall] = Field(default_factory=list)
    tool_call_id: str | None = None
    """Of a message with the role `tool`: the call that it answers."""

    @property
    def parts(self) -> list[TextPart | PicturePart]:
        """The content as parts."""
        return [TextPart(text=self.content)] if isinstance(self.content, str) else self.content

    @property
    def text(self) -> str:
        """The content as one text, with a line in the place of each picture."""
        if isinstance(self.content, str):
            return self.content
        lines = (part.text if isinstance(part, TextPart) else part.label for part in self.content)
        return "\n".join(lines)

    @property
    def pictures(self) -> list[PicturePart]:
        """The pictures of the content."""
        return [part for part in self.parts if isinstance(part, PicturePart)]

    def with_parts(self, parts: Iterable[TextPart | PicturePart]) -> Message:
        """Copy the message, with more parts at its end."""
        return self.model_copy(update={"content": join_parts([*self.parts, *parts])})

    @model_serializer(mode="wrap")
    def _with_text(
        self, serialize: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        """Write the content as a text in JSON too, so that its column has one type; parts stand
        beside it.
        """
        record: dict[str, Any] = serialize(self)
        if info.mode == "json" and not isinstance(self.content, str):
            record |= {"content": self.text, "parts": record["content"]}
        return record

    @model_validator(mode="before")
    @classmethod
    def _read_parts(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "parts" not in value:
            return value
        rest = {key: part for key, part in value.items() if key != "parts"}
        return {**rest, "content": value["parts"]} if value["parts"] else rest


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
    pictures: list[PicturePart] = Field(default_factory=list)
    """What the policy was shown with the observation."""
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
        """The turn as the conversation holds it: the policy's message, then what answers it.

        Few servers take pictures in an answer to a function call: a user's message brings them.
        """
        said = Message(role="assistant", content=self.message, tool_calls=self.tool_calls)
        if not self.tool_calls:
            shown = Message(role="user", content=self.observation)
            return [said, shown.with_parts(self.pictures)]
        results = zip(self.tool_calls, self.tool_results, strict=True)
        answers = [Message(role="tool", content=text, tool_call_id=c.id) for c, text in results]
        seen = [Message(role="user", content=[*self.pictures])] if self.pictures else []
        return [said, *answers, *seen]


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
    def pictures(self) -> list[PicturePart]:
        """All pictures that the policy was shown, in order."""
        before = [part for message in self.prompt for part in message.pictures]
        return [*before, *(part for turn in self.turns for part in turn.pictures)]

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
