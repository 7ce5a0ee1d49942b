"""The corpus of escape and abuse snippets: one YAML file a kind.

The snippets were written for this project after ideas that are public; each names its source. They
speak of what the checker plants by words between at signs: see `embodied.sandbox.canaries`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_FOLDER = files("embodied.sandbox") / "snippets"
_REPEATED = re.compile(r"@\{(\d+) x (.+?)\}@", re.DOTALL)


class Snippet(BaseModel):
    """One attempt on an interpreter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    kind: str
    """The file that it stands in."""
    source: str
    """The advisory, write-up or well-known idiom whose idea it follows."""
    tries: Literal["escape", "mutate", "crash", "exhaust"]
    code: Annotated[
        list[str], BeforeValidator(lambda code: [code] if isinstance(code, str) else code)
    ] = Field(min_length=1)
    """Actions, run one after another in one session. `@{9 x ab}@` stands for nine times `ab`,
    and `{i}` in it for the number of the time."""
    state: str | None = None
    """A forged state that the session is made to load first, in Latin-1."""
    dump: bool = False
    """The session is dumped at the end, and another one loads what came of it."""
    check: bool = False
    """Whether the check before a run is on. It reads code on the host, and would refuse many
    snippets for their unknown names before the sandbox itself is tried."""

    def filled(self, words: Mapping[str, str]) -> Snippet:
        """Return the snippet with the checker's words filled into code and state."""
        state = None if self.state is None else _filled(self.state, words)
        return self.model_copy(
            update={"code": [_filled(code, words) for code in self.code], "state": state}
        )


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return _REPEATED.sub(
        lambda found: "".join(found[2].replace("{i}", str(i)) for i in range(int(found[1]))), text
    )


def load_corpus(kind: str | None = None) -> list[Snippet]:
    """All snippets, or those of one kind, in a stable order.

    Raises:
        KeyError: there is no such kind; names those that there are.
    """
    if kind is not None and kind not in kinds():
        raise KeyError(f"there is no kind {kind!r} of snippets; there are: {', '.join(kinds())}")
    return [
        Snippet(kind=name, **entry)
        for name in (kinds() if kind is None else [kind])
        for entry in yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    ]


def kinds() -> list[str]:
    """List the kinds of snippets, sorted."""
    names = (Path(file.name) for file in _FOLDER.iterdir())
    return sorted(name.stem for name in names if name.suffix == ".yaml")
