"""Where in a policy's message its action stands: in tags, in Markdown fences, or bare."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_TAG = re.compile(r"<(?P<closing>/?)(?P<name>execute|solution|thought)>")
_FENCE = re.compile(r"`{3,}(?P<language>[\w+-]*)(?P<more>[ \t{][^`]*)?")


@dataclass(frozen=True)
class Block:
    """A part of a message that is marked as an action."""

    text: str
    closed: bool = True
    """False: the message ends before the block does."""


@dataclass(frozen=True)
class MessageParts:
    """A message by its tags."""

    blocks: tuple[Block, ...]
    """What stands in `<execute>` tags."""
    solutions: tuple[str, ...]
    """What stands in `<solution>` tags that are closed."""
    rest: str
    """What stands in no tags: neither action, nor thought, nor solution."""

    def marked(self, languages: Collection[str]) -> list[Block]:
        """Take the blocks, without fences in them; where there are none, the fences of the rest.

        Args:
            languages: fences of the rest that count; the empty text for those without a language.
        """
        if self.blocks:
            return [part for block in self.blocks for part in _unfenced(block)]
        return [fence for language, fence in _fences(self.rest) if language in languages]


def split(message: str) -> MessageParts:
    """Take a message apart.

    A thought or solution that is left open is none, and an action that is left open ends with the
    message. Half characters (lone surrogates) become question marks.
    """
    text = whole_characters(message)
    blocks: list[Block] = []
    solutions: list[str] = []
    rest: list[str] = []
    opened: re.Match[str] | None = None
    position = 0
    for tag in _pairs(text):
        if opened is None:
            rest.append(text[position : tag.start()])
            opened = None if tag["closing"] else tag
        elif tag["name"] == opened["name"] and tag["closing"]:
            inner = text[position : tag.start()]
            if opened["name"] == "execute":
                blocks.append(Block(inner))
            elif opened["name"] == "solution":
                solutions.append(inner)
            opened = None
        else:
            continue
        position = tag.end()
    if opened is None:
        rest.append(text[position:])
    else:
        blocks.append(Block(text[position:], closed=False))
    return MessageParts(tuple(blocks), tuple(solutions), "\n".join(rest))


def whole_characters(text: str) -> str:
    """Put question marks for half characters (lone surrogates)."""
    return text.encode("utf-8", "replace").decode("utf-8")


def in_tags(thought: str, action: str) -> str:
    """Write a thought and an action in tags; tags of actions in the thought are undone."""
    harmless = re.sub(r"<(?=/?execute>)", "< ", thought)
    return f"{harmless}\n<execute>\n{action}\n</execute>".lstrip("\n")


def _pairs(text: str) -> list[re.Match[str]]:
    """Find the tags of a text, without thoughts and solutions that are never closed."""
    kept: list[re.Match[str]] = []
    closed: dict[str, bool] = {"execute": True}
    for tag in reversed(list(_TAG.finditer(text))):
        name = tag["name"]
        if tag["closing"] or name == "execute" or closed.get(name, False):
            kept.append(tag)
        if name != "execute":
            closed[name] = bool(tag["closing"])
    return kept[::-1]


def _unfenced(block: Block) -> list[Block]:
    fences = [fence for _, fence in _fences(block.text)]
    if not fences or not block.text.lstrip().startswith("```"):
        return [block]
    return [Block(fence.text, fence.closed or block.closed) for fence in fences]


def _fences(text: str) -> list[tuple[str, Block]]:
    """Find the Markdown fences of a text, each with its language."""
    found: list[tuple[str, Block]] = []
    language: str | None = None
    lines: list[str] = []
    for line in text.split("\n"):
        fence = _FENCE.fullmatch(line.strip())
        if language is None:
            language, lines = fence and fence["language"].lower(), []
        elif fence and not fence["language"] and not fence["more"]:
            found.append((language, Block("\n".join(lines))))
            language = None
        else:
            lines.append(line)
    if language is not None:
        found.append((language, Block("\n".join(lines), closed=False)))
    return found
