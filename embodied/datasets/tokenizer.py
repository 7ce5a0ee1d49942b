"""Counting tokens: by a given tokenizer, or as a quarter of the characters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from embodied.errors import ConfigError

_CHARACTERS_PER_TOKEN = 4


class TokenCounter(ABC):
    """Counts the tokens of texts."""

    name: str
    """What counts, as cards and tables say it."""

    @abstractmethod
    def count(self, text: str) -> int:
        """Count the tokens of a text, without those of any template."""


class QuarterOfCharacters(TokenCounter):
    """Takes four characters for a token, rounded up."""

    name = "characters / 4"

    def count(self, text: str) -> int:
        return -(-len(text) // _CHARACTERS_PER_TOKEN)


class ModelTokenizer(TokenCounter):
    """A tokenizer of Hugging Face's `transformers`.

    Args:
        name: a folder, or a model's name on the hub.

    Raises:
        ConfigError: transformers is not installed, or there is no such tokenizer.
    """

    def __init__(self, name: str) -> None:
        try:
            import transformers
        except ImportError:
            raise ConfigError(
                "a tokenizer needs the package transformers; install it with: "
                "pip install 'embodied-codeact[tokenizers]', or count characters: omit --tokenizer"
            ) from None
        try:
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(name)
        except Exception as error:  # of many libraries, with errors of their own
            raise ConfigError(f"there is no tokenizer {name!r}: {error!s:.500}") from error
        self.name = name

    def count(self, text: str) -> int:
        return len(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def token_counter(name: str | None) -> TokenCounter:
    """Make what counts tokens: the tokenizer of a name, or characters where none is given."""
    return QuarterOfCharacters() if name is None else ModelTokenizer(name)
