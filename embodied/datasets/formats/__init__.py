"""The formats that a dataset is written in, by name."""

from __future__ import annotations

from collections.abc import Mapping

from embodied._util.suggestion import suggestion
from embodied.datasets.conversation import Training
from embodied.datasets.formats.base import Format, Shape
from embodied.datasets.formats.chat import Chat, from_chat
from embodied.datasets.formats.preference import KTO, Preference
from embodied.datasets.formats.prompt_completion import PromptCompletion
from embodied.datasets.formats.sharegpt import ShareGPT
from embodied.datasets.formats.tokens import Tokens
from embodied.errors import ConfigError

__all__ = ["FORMATS", "Format", "Shape", "from_chat", "make_format"]

FORMATS: Mapping[str, type[Format]] = {
    kind.name: kind for kind in (Chat, PromptCompletion, ShareGPT, Preference, KTO, Tokens)
}


def make_format(name: str, training: Training, shape: Shape) -> Format:
    """Make the format of a name; raise `ConfigError` where there is none."""
    if name not in FORMATS:
        raise ConfigError(f"there is no format {name!r}{suggestion(name, FORMATS)}")
    return FORMATS[name](training, shape)
