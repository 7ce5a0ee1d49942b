"""How text is counted, and cut into the blocks that the KV cache keeps.

There is no tokenizer: a token is four characters, which is about what English and Python take in
the vocabularies of today's models. What matters here is only that counting is cheap, the same for
all, and that a text which goes on has the blocks of its beginning.
"""

from __future__ import annotations

from collections import OrderedDict
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


class KVCache:
    """Blocks by name (see `block_names`), shared by all sequences that begin alike.

    A sequence takes the blocks of its prompt and room for its whole answer when it starts, so that
    none has to be stopped for want of room later. Afterwards its blocks stay until others need the
    room: the least recently used goes first, and of one sequence the last.

    Args:
        tokens: capacity.
    """

    def __init__(self, tokens: int) -> None:
        self.capacity = tokens // BLOCK_TOKENS + (tokens % BLOCK_TOKENS > 0)
        """In blocks."""
        self._users: dict[int, int] = {}
        self._idle: OrderedDict[int, None] = OrderedDict()
        self._unnamed = 0

    @property
    def used(self) -> int:
        """Blocks that running sequences hold."""
        return len(self._users) + self._unnamed

    @property
    def resident(self) -> int:
        """Blocks that hold something, in use or not."""
        return self.used + len(self._idle)

    def take(self, size: RequestSize) -> int | None:
        """Take the room of a sequence.

        Returns:
            Tokens of its prompt that need not be read again; None, and nothing is taken, where
            there is no room. At least one token is always read, as in vLLM: the answer starts
            from it.
        """
        users, idle = self._users, self._idle
        unnamed = size.blocks - len(size.prompt_blocks)
        added = sum(1 for name in size.prompt_blocks if name not in users)
        if self.used + added + unnamed > self.capacity:
            return None
        known = self._known(size)
        for name in size.prompt_blocks:
            users[name] = users.get(name, 0) + 1
            idle.pop(name, None)
        self._unnamed += unnamed
        for _ in range(self.resident - self.capacity):
            idle.popitem(last=False)
        return known * BLOCK_TOKENS

    def release(self, size: RequestSize, *, finished: bool) -> None:
        """Give back the room of a sequence; what it held can be found again.

        Args:
            size: as it was taken.
            finished: the answer was written, and can be found as well.
        """
        users, idle = self._users, self._idle
        self._unnamed -= size.blocks - len(size.prompt_blocks)
        written = size.answer_blocks if finished else ()
        for name in reversed(written):
            if name not in users:
                idle[name] = None
                idle.move_to_end(name)
        for name in reversed(size.prompt_blocks):
            users[name] -= 1
            if not users[name]:
                del users[name]
                idle[name] = None

    def clear(self) -> None:
        """Forget what no running sequence holds."""
        self._idle.clear()

    def _known(self, size: RequestSize) -> int:
        most = (size.prompt_tokens - 1) // BLOCK_TOKENS
        for number, name in enumerate(size.prompt_blocks[:most]):
            if name not in self._users and name not in self._idle:
                return number
        return min(most, len(size.prompt_blocks))
