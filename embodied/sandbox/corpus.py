"""The corpus of escape and abuse snippets: one YAML file a kind.

The snippets were written for this project after ideas that are public; each names its source. They
speak of what the checker plants by words between at signs: see `embodied.sandbox.canaries`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_REPEATED = re.compile(r"@\{(\d+) x (.+?)\}@", re.DOTALL)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Snippet(BaseModel):
    """One attempt on an interpreter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    kind: str
    """The file that it stands in."""
    source: str
    """The advisory, write-up or well-known idiom whose idea it follows."""
    tries: Literal["escape", "mutate", "crash", "exhaust"]
    code: Annotated[list[str], BeforeValidator(_as_list)] = Field(min_length=1)
    """Actions, run one after another in one session. `@{9 x ab}@` stands for nine times `ab`,
    and `{i}` in it for the number of the time."""
    state: str | None = None
    """A forged state that the session is made to load first, in Latin-1."""
    dump: bool = False
    """The session is dumped at the end, and another one loads what came of it."""
    check: bool = False
    """Whether the check before a run is on. It reads code on the host, and would refuse many
    snippets for their unknown names before the sandbox itself is tried."""

    def actions(self, words: Mapping[str, str]) -> list[str]:
        """Return the code, with the checker's words filled in."""
        return [_filled(code, words) for code in self.code]

    def forged_state(self, words: Mapping[str, str]) -> str | None:
        """Return the state to load, with the checker's words filled in."""
        return None if self.state is None else _filled(self.state, words)


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return _REPEATED.sub(_repeated, text)


def _repeated(found: re.Match[str]) -> str:
    times, part = int(found[1]), found[2]
    if "{i}" not in part:
        return part * times
    return "".join(part.replace("{i}", str(i)) for i in range(times))


def load_corpus(kind: str | None = None) -> list[Snippet]:
    """All snippets, or those of one kind, in a stable order.

    Raises:
        KeyError: there is no such kind; names those that there are.
    """
    if kind is not None and kind not in kinds():
        raise KeyError(f"there is no kind {kind!r} of snippets; there are: {', '.join(kinds())}")
    return [snippet for name in kinds() if kind in (None, name) for snippet in _load(name)]


def kinds() -> list[str]:
    """List the kinds of snippets, sorted."""
    folder = files("embodied.sandbox") / "snippets"
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    )


def _load(kind: str) -> list[Snippet]:
    file = files("embodied.sandbox") / "snippets" / f"{kind}.yaml"
    return [
        Snippet(kind=kind, **entry) for entry in yaml.safe_load(file.read_text(encoding="utf-8"))
    ]
