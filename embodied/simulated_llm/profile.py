"""What the simulated machine can do."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Profile(BaseModel):
    """Rates and sizes of a simulated server. The defaults are those of a small model on one GPU.

    Raises:
        ValidationError: a value is out of range, or the longest request does not fit the KV cache.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefill_rate: float = Field(20_000.0, gt=0)
    """Prompt tokens read a second, by all sequences together; infinite: no time at all."""
    decode_rate: float = Field(40.0, gt=0)
    """Answer tokens written a second, by each sequence; infinite: no time at all."""
    max_sequences: int = Field(256, gt=0)
    """Sequences worked on at once (vLLM's `--max-num-seqs`)."""
    kv_tokens: int = Field(500_000, gt=0)
    """Tokens that the KV cache holds, of running sequences and of the prefix cache."""
    max_model_len: int = Field(32_768, gt=0)
    """Longest prompt and answer together, in tokens (vLLM's `--max-model-len`)."""
    time_scale: float = Field(1.0, gt=0, allow_inf_nan=False)
    """Simulated seconds that pass in a real one."""

    @model_validator(mode="after")
    def _longest_request_fits(self) -> Profile:
        if self.kv_tokens < self.max_model_len:
            raise ValueError(
                f"kv_tokens ({self.kv_tokens}) must be at least max_model_len "
                f"({self.max_model_len}), or the longest requests would wait for ever"
            )
        return self


INSTANT = Profile(
    prefill_rate=math.inf, decode_rate=math.inf, max_sequences=100_000, kv_tokens=100_000_000
)
"""Answers at once: for tests of anything but time, and to measure the server itself."""
