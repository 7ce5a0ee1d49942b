"""What the corpus of abuse snippets covers."""

from __future__ import annotations

import re

import pytest

from embodied.sandbox import load_corpus
from embodied.sandbox.canaries import Canaries
from embodied.sandbox.corpus import Snippet, kinds

KINDS = {
    "dunders",
    "formats",
    "frames",
    "generators",
    "types",
    "imports",
    "attrgetter",
    "pickles",
    "big-values",
    "regex",
    "nesting",
    "output",
    "host-calls",
    "processes",
    "files",
    "environment",
    "sockets",
    "host-objects",
    "json-patching",
}


def test_it_is_large_and_has_every_kind() -> None:
    snippets = load_corpus()
    assert len(snippets) >= 150
    assert set(kinds()) >= KINDS
    assert {snippet.tries for snippet in snippets} == {"escape", "mutate", "crash", "exhaust"}


def test_every_snippet_has_a_name_of_its_own_and_a_source() -> None:
    snippets = load_corpus()
    assert len({snippet.id for snippet in snippets}) == len(snippets)
    for snippet in snippets:
        assert snippet.id.startswith(f"{snippet.kind}/")
        assert len(snippet.source) > 5


def test_every_word_is_known() -> None:
    with Canaries() as canaries:
        words = canaries.words | {"HOST_PID": "1"}
        for snippet in load_corpus():
            filled = snippet.filled(words)
            text = "\n".join([*filled.code, filled.state or ""])
            assert not re.findall(r"@[A-Z_]+@|@\{", text), snippet.id


def test_actions_are_short_enough_to_be_run() -> None:
    for snippet in load_corpus():
        assert all(len(code) < 50_000 for code in snippet.filled({}).code), snippet.id


def test_parts_can_be_repeated_and_numbered() -> None:
    def actions(code: str) -> list[str]:
        snippet = Snippet.model_validate(
            {"id": "x/y", "kind": "x", "source": "none", "tries": "crash", "code": code}
        )
        return snippet.filled({"WORD": "w"}).code

    assert actions("@{3 x (}@@WORD@@{3 x )}@") == ["(((w)))"]
    assert actions("@{3 x a{i}=}@0") == ["a0=a1=a2=0"]


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(KeyError, match="there are: attrgetter, "):
        load_corpus("none")
