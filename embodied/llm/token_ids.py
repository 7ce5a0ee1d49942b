"""Tokens and log-probabilities as vLLM sends them (`return_token_ids`, `logprobs`)."""

from __future__ import annotations

import contextlib
from typing import Annotated

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


def read_tokens(prompt_ids: object, completion_ids: object, logprobs: object) -> TokenRecord | None:
    """Read the tokens of an answer; None where the server sends none that can be used.

    Log-probabilities that are not one for each token are left out.

    Args:
        prompt_ids: `prompt_token_ids` of the answer.
        completion_ids: `token_ids` of its choice.
        logprobs: `logprobs` of its choice.
    """
    try:
        prompt, completion = _IDS.validate_python(prompt_ids), _IDS.validate_python(completion_ids)
    except ValidationError:
        return None
    values = None
    with contextlib.suppress(ValidationError):
        said = [token.logprob for token in _Logprobs.model_validate(logprobs).content]
        values = said if len(said) == len(completion) else None
    return TokenRecord(prompt_ids=prompt, completion_ids=completion, completion_logprobs=values)
