"""How text is counted and cut into the blocks of the prefix cache.

There is no tokenizer: a token is four characters, which is about what English and Python take in
the vocabularies of today's models. What matters here is only that counting is cheap, the same for
all, and that a text which goes on has the blocks of its beginning.
"""

from __future__ import annotations

from dataclasses import dataclass

CHARACTERS_PER_TOKEN = 4
BLOCK_TOKENS = 16
"""Tokens of one block of the KV cache, as in vLLM."""

_BLOCK_CHARACTERS = CHARACTERS_PER_TOKEN * BLOCK_TOKENS


@dataclass(frozen=True)
class RequestSize:
    """The tokens and cache blocks of a request."""

    prompt_tokens: int
    answer_tokens: int
    prompt_blocks: tuple[int, ...] = ()
    """Names of the prompt's full blocks: equal where all text up to the block's end is equal."""
    answer_blocks: tuple[int, ...] = ()
    """Names of the full blocks that the answer completes."""

    @classmethod
    def of(cls, prompt: str, answer: str) -> RequestSize:
        """Measure a prompt and its answer."""
        names = block_names(prompt + answer)
        full = len(prompt) // _BLOCK_CHARACTERS
        return cls(count(prompt), max(1, count(answer)), names[:full], names[full:])

    @property
    def tokens(self) -> int:
        """Tokens of prompt and answer together."""
        return self.prompt_tokens + self.answer_tokens

    @property
    def blocks(self) -> int:
        """Blocks of the KV cache that the whole sequence takes, the last one not full."""
        return -(-self.tokens // BLOCK_TOKENS)


def count(text: str) -> int:
    """Count the tokens of a text."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def cut(text: str, tokens: int) -> str:
    """Return the first tokens of a text."""
    return text[: tokens * CHARACTERS_PER_TOKEN]


def block_names(text: str) -> tuple[int, ...]:
    """Name a text's full blocks by a chain of hashes, as vLLM does.

    Equal names mean equal text from the beginning on.
    """
    names: list[int] = []
    name = 0
    for start in range(0, len(text) - _BLOCK_CHARACTERS + 1, _BLOCK_CHARACTERS):
        name = hash((name, text[start : start + _BLOCK_CHARACTERS]))
        names.append(name)
    return tuple(names)
