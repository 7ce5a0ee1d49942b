"""Tokens and log-probabilities as vLLM sends them (`return_token_ids`, `logprobs`)."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from embodied.trajectory import TokenRecord

_MAX_TOKENS = 2_000_000
_ROUNDING = 1e-3
"""How far rounding may lift the logarithm of a probability above 0."""
_Id = Annotated[int, Field(ge=0, lt=2**31)]


class _Token(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    logprob: float = Field(le=_ROUNDING)


class _Logprobs(BaseModel):
    model_config = ConfigDict(strict=True)

    content: list[_Token] = Field(max_length=_MAX_TOKENS)


_IDS = TypeAdapter(
    Annotated[list[_Id], Field(max_length=_MAX_TOKENS)], config=ConfigDict(strict=True)
)
_LOGPROBS = TypeAdapter(_Logprobs)
_T = TypeVar("_T")


def read_tokens(prompt_ids: object, completion_ids: object, logprobs: object) -> TokenRecord | None:
    """Read the tokens of an answer; None where the server sends none that can be used.

    Log-probabilities that are not one for each token are left out.

    Args:
        prompt_ids: `prompt_token_ids` of the answer.
        completion_ids: `token_ids` of its choice.
        logprobs: `logprobs` of its choice.
    """
    prompt, completion = _read(_IDS, prompt_ids), _read(_IDS, completion_ids)
    if prompt is None or completion is None:
        return None
    said = _read(_LOGPROBS, logprobs)
    values = None if said is None else [token.logprob for token in said.content]
    if values is not None and len(values) != len(completion):
        values = None
    return TokenRecord(prompt_ids=prompt, completion_ids=completion, completion_logprobs=values)


def _read(shape: TypeAdapter[_T], value: object) -> _T | None:
    try:
        return shape.validate_python(value)
    except ValidationError:
        return None
