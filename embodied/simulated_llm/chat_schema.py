"""Requests, answers and errors of the chat-completions API, in vLLM's shapes and words."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field, JsonValue, ValidationError

from embodied.llm.tool_calls import sendable_call
from embodied.policy import Reply
from embodied.simulated_llm.kv_cache import RequestSize

_START, _END = "<|im_start|>", "<|im_end|>\n"
_PICTURE_DIGESTS = 16
"""Digests of 64 characters, which make 256 tokens: as many as a picture of 448 pixels a side takes
with Qwen's models."""
_OVERFLOW = (
    "This model's maximum context length is {limit} tokens. However, you requested {answer} output "
    "tokens and your prompt contains {prompt} input tokens, for a total of {total} tokens. Please "
    "reduce the length of the input prompt or the number of requested output tokens."
)


class APIError(Exception):
    """A request is answered with an error.

    Args:
        message: what is wrong.
        status: of HTTP.
        type_: vLLM's name for this kind of error.
        param: the parameter that is wrong.
    """

    def __init__(
        self,
        message: str,
        status: int = 400,
        type_: str = "BadRequestError",
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        error = {"message": message, "type": type_, "param": param, "code": status}
        self.body = _json({"error": error})

    @classmethod
    def of_model(cls, name: str) -> APIError:
        """Say that there is no such model."""
        return cls(f"The model `{name}` does not exist.", 404, "NotFoundError", "model")

    @classmethod
    def of_length(cls, prompt: int, answer: int, limit: int) -> APIError:
        """Say that prompt and answer exceed the context; all in tokens."""
        said = _OVERFLOW.format(limit=limit, answer=answer, prompt=prompt, total=prompt + answer)
        return cls(said, param="input_tokens")


class ImageURL(BaseModel):
    """Where a picture is; here, it is in the address itself."""

    url: str


class Part(BaseModel):
    """A part of a message's content."""

    type: str
    text: str = ""
    image_url: ImageURL | None = None

    @property
    def picture(self) -> bytes | None:
        """The bytes of a picture; None: the part is a text.

        Raises:
            APIError: it is no data URL.
        """
        if self.image_url is None:
            return None
        head, _, data = self.image_url.url.partition(",")
        try:
            if head.startswith("data:image/") and head.endswith(";base64"):
                return base64.b64decode(data, validate=True)
        except ValueError:
            pass
        raise APIError("image_url: the simulated LLM takes only data URLs", param="messages")

    @property
    def tokens(self) -> str:
        """What stands for the part in a prompt: its text, or the tokens of a picture."""
        if self.image_url is None:
            return self.text
        digest = hashlib.sha256(self.image_url.url.encode()).hexdigest()
        return f"<|image|>{digest * _PICTURE_DIGESTS}"


class ChatMessage(BaseModel):
    """One message of a conversation."""

    role: str
    content: str | list[Part] | None = None
    tool_calls: list[JsonValue] | None = None

    @property
    def text(self) -> str:
        """What the message says, as one text, without its function calls."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""

    @property
    def pictures(self) -> list[bytes]:
        """The pictures of the message."""
        parts = self.content if isinstance(self.content, list) else []
        return [picture for part in parts if (picture := part.picture) is not None]

    @property
    def tokens(self) -> str:
        """What stands for the message in a prompt."""
        if isinstance(self.content, list):
            return "".join(part.tokens for part in self.content)
        return self.content or ""


class Tool(BaseModel):
    """A function that the model may call."""

    function: dict[str, JsonValue]


class ChatRequest(BaseModel):
    """As much of a request as matters here; the rest is ignored."""

    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    max_tokens: int | None = Field(None, gt=0)
    max_completion_tokens: int | None = Field(None, gt=0)
    stop: str | list[str] | None = None
    stream: bool | None = None
    n: int | None = None
    tools: list[Tool] | None = None

    @classmethod
    def read(cls, body: bytes) -> ChatRequest:
        """Read the request that a body holds.

        Raises:
            APIError: this server does not answer such a request.
        """
        try:
            request = cls.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise APIError(f"{where or 'body'}: {first['msg']}", param=where or None) from None
        if request.stream:
            raise APIError("the simulated LLM does not stream; leave stream out", param="stream")
        if request.n not in (None, 1):
            raise APIError("the simulated LLM gives one answer; leave n out", param="n")
        return request

    @property
    def tool_names(self) -> list[str]:
        """The functions that the model may call."""
        return [str(tool.function.get("name")) for tool in self.tools or ()]

    @property
    def stops(self) -> Sequence[str]:
        """Texts that end an answer."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or ()

    @property
    def prompt(self) -> str:
        """The conversation as one text, in ChatML: as it goes on, the text grows at the end."""
        parts: list[str] = []
        for message in self.messages:
            calls = json.dumps(message.tool_calls) if message.tool_calls else ""
            parts += (_START, message.role, "\n", message.tokens, calls, _END)
        return "".join([*parts, _START, "assistant\n"])


def completion_body(
    number: int, model: str, said: Reply, size: RequestSize, cached_tokens: int
) -> bytes:
    """Write a successful answer; `number` makes its id."""
    message: dict[str, Any] = {"role": "assistant", "content": said.content}
    if said.tool_calls:
        message["tool_calls"] = [sendable_call(call) for call in said.tool_calls]
    return _json(
        {
            "id": f"chatcmpl-{number:08x}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "message": message,
                    "logprobs": None,
                    "finish_reason": said.finish_reason,
                }
            ],
            "usage": {
                "prompt_tokens": size.prompt_tokens,
                "completion_tokens": size.answer_tokens,
                "total_tokens": size.tokens,
                "prompt_tokens_details": {"cached_tokens": cached_tokens},
            },
        }
    )


def _json(tree: dict[str, Any]) -> bytes:
    return json.dumps(tree).encode()
