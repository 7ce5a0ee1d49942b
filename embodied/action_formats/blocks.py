"""Where in a policy's message its action stands: in tags, in Markdown fences, or bare.

A message is read from its beginning: whatever opens first, a thought, a tag or a fence, holds what
stands in it. The action format then judges what stands in tags and fences, since models also put
there what they have seen, and forget or misplace the marks.
"""

from __future__ import annotations

import functools
import heapq
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from embodied._util.thoughts import Mark, find_thoughts, is_quoted, without_marks, without_thoughts
from embodied.action_formats import fences
from embodied.action_formats.fences import Fence, read_fence

_TAG = re.compile(r"<(?P<name>execute|solution)(?:\s[^<>]{0,200})?>", re.IGNORECASE)
_OPENING = re.compile(f"{_TAG.pattern}|{fences.OPENING}", re.IGNORECASE | re.MULTILINE)
_CLOSING = {
    name: re.compile(rf"<\s*(?:[/\\]\s*{name}\b[^\S\n]*>?|{name}\s*/>)", re.IGNORECASE)
    for name in ("execute", "solution")
}
_EXECUTE = re.compile(r"<execute(?:\s[^<>]{0,200})?>", re.IGNORECASE)
_END_TOKENS = re.compile(
    r"(?:<\|(?:im_end|end|eot_id|eom_id|return|endoftext|end_of_text)\|>|</s>|<end_of_turn>)\s*\Z"
)
"""What ends a model's message, where its server leaves it in the text."""
_SURROUNDED = re.compile(r"```|~~~|<!\[CDATA\[|\A\s*\w+[ \t]*\r?$", re.MULTILINE)
"""What may stand around an action within its tags, or a language's name in the first line."""
_MAX_FENCES = 200
"""Fences of one message that are looked at."""
_MAX_DOUBLED = 50
"""Tags of one message that open an action within another."""
_MAX_BLOCKS = 1000
"""Tagged blocks of one message that are looked at."""


class Verdict(Enum):
    """What an action format makes of a text."""

    ACTION = "action"
    """It is an action."""
    BROKEN = "broken"
    """It was meant as one, and has mistakes."""
    PROSE = "prose"
    """It is none."""


@dataclass(frozen=True)
class Block:
    """A part of a message that is marked as an action."""

    text: str
    missing: str = ""
    """The mark that it lacks at its end, where the message ends before the block does."""


@dataclass(frozen=True)
class MessageParts:
    """A message by its marks."""

    actions: tuple[Block, ...]
    """What is marked as an action: in `<execute>` tags; where there are none, in fences."""
    solutions: tuple[str, ...]
    """What stands in `<solution>` tags that are closed."""
    rest: str
    """What stands in no marks: neither action, nor thought, nor solution, nor fence."""


@functools.lru_cache(maxsize=4)
def split(
    message: str, languages: frozenset[str], verdict: Callable[[str], Verdict]
) -> MessageParts:
    """Take a message apart.

    A solution that is left open is none, and an action that is left open ends with the message, or
    with what a token limit or a stop string left of its closing tag. Half characters (lone
    surrogates) become question marks.

    Args:
        message: as the policy wrote it.
        languages: what the format's fences are called.
        verdict: what the format makes of a text.
    """
    chooser = _Chooser(languages, functools.cache(verdict))
    text = fences.unquoted(_END_TOKENS.sub("", whole_characters(message)))
    found = _Scanner(text, chooser).scan()
    rest = _CLOSING["execute"].sub("", "".join(found.rest))
    return MessageParts(
        actions=tuple(
            chooser.of_tags(found.blocks)
            or chooser.of_fences(found.fences)
            or chooser.of_named_tags(rest)
        ),
        solutions=tuple(without_thoughts(text) for text in found.solutions),
        rest=rest,
    )


def whole_characters(text: str) -> str:
    """Put question marks for half characters (lone surrogates)."""
    return text.encode("utf-8", "replace").decode("utf-8")


def in_tags(thought: str, action: str) -> str:
    """Write a thought and an action in tags; marks of actions and thoughts in the thought are
    undone.
    """
    harmless = re.sub(r"<(?=/?execute\b)", "< ", without_marks(thought))
    return f"{harmless}\n<execute>\n{action}\n</execute>".lstrip("\n")


class _Chooser:
    """Chooses the action among what is marked."""

    def __init__(self, languages: frozenset[str], verdict: Callable[[str], Verdict]) -> None:
        self._languages = languages
        self._verdict = verdict

    def is_action(self, text: str) -> bool:
        return self._verdict(text) is Verdict.ACTION

    def of_tags(self, blocks: Sequence[Block]) -> list[Block]:
        """Take what stands in tags, without what surrounds the action there too."""
        return self._without_prose([part for block in blocks for part in self._inside(block)])

    def of_fences(self, found: Sequence[Fence]) -> list[Block]:
        """Take the fences that are called as the format's; else those that are actions, first among
        those without a name; else those without a name that were meant as one.
        """
        named = [_block(fence) for fence in found if fence.language in self._languages]
        if any(block.text.strip() for block in named):
            return self._without_prose(named)
        bare = [_block(fence) for fence in found if not fence.language]
        other = [_block(f) for f in found if f.language and f.language not in fences.QUOTED]
        return (
            [block for block in bare if self.is_action(block.text)]
            or [block for block in other if self.is_action(block.text)]
            or [block for block in bare if self._verdict(block.text) is Verdict.BROKEN]
        )

    def of_named_tags(self, text: str) -> list[Block]:
        """Take what stands in tags that are called as the format's fences."""
        blocks = [Block(tag["text"]) for tag in _named_tags(self._languages).finditer(text)]
        return [block for block in blocks if self._verdict(block.text) is not Verdict.PROSE]

    def _without_prose(self, blocks: Sequence[Block]) -> list[Block]:
        """Leave out prose beside actions; prose alone stays, to be answered with what is wrong."""
        if len(blocks) < 2 or not any(self.is_action(block.text) for block in blocks):
            return list(blocks)
        return [block for block in blocks if self._verdict(block.text) is not Verdict.PROSE]

    def _inside(self, block: Block) -> list[Block]:
        if not _SURROUNDED.search(block.text) and not find_thoughts(block.text).marks:
            return [block]
        for form in self._forms(block):
            if any(self.is_action(part.text) for part in form):
                return self._without_prose(form)
        said = without_thoughts(block.text)
        fenced = self._fences(said)
        if not said.lstrip().startswith(("```", "~~~")):
            fenced = [fence for fence in fenced if fence.language in self._languages]
        return [_block(fence) for fence in fenced] or [Block(said, block.missing)]

    def _forms(self, block: Block) -> Iterator[list[Block]]:
        """Yield what may be meant: all; all without thoughts; what stands in fences, or beside the
        lines of half ones.
        """
        text = fences.without_name(block.text, self._languages)
        if text.strip().startswith("<![CDATA["):
            text = text.strip().removeprefix("<![CDATA[").removesuffix("]]>")
        said = without_thoughts(text)
        yield [Block(text, block.missing)]
        yield [Block(said, block.missing)]
        yield self.of_fences(self._fences(said))
        yield [Block(fences.without_lone_lines(said), block.missing)]

    def _fences(self, text: str) -> list[Fence]:
        return _Scanner(text, self, nested=True).scan().fences


class _Scanner:
    """Finds the marked parts of a text, from its beginning to its end."""

    def __init__(self, text: str, chooser: _Chooser, *, nested: bool = False) -> None:
        self._text = text
        self._is_action = chooser.is_action
        self._chooser = chooser
        self._nested = nested
        self._thoughts = find_thoughts(text)
        self.blocks: list[Block] = []
        self.solutions: list[str] = []
        self.fences: list[Fence] = []
        self.rest: list[str] = []
        self._doubled_tags = 0
        self._left_open: set[str] = set()
        """Tags that the text closes no more."""

    def scan(self) -> _Scanner:
        position = 0
        for start, opening in self._openings():
            if start < position:
                continue
            self.rest.append(self._text[position:start])
            position = self._thought(opening) if isinstance(opening, Mark) else self._part(opening)
        self.rest.append(self._text[position:])
        return self

    def _openings(self) -> Iterator[tuple[int, Mark | re.Match[str]]]:
        marks = ((mark.start, mark) for mark in self._thoughts.marks)
        others = (
            (found.start(), found)
            for found in _OPENING.finditer(self._text)
            if not is_quoted(self._text, *found.span())
        )
        if not self._thoughts.marks:
            return others
        return heapq.merge(marks, others, key=lambda opening: opening[0])

    def _thought(self, mark: Mark) -> int:
        """Pass over a thought; return where the text goes on."""
        if mark.opens:
            return mark.until
        if mark.closes_alone:
            return self._all_was_thought(mark)
        self.rest.append(self._text[mark.start : mark.end])
        return mark.end

    def _all_was_thought(self, mark: Mark) -> int:
        for found in (self.blocks, self.solutions, self.fences, self.rest):
            found.clear()
        return mark.end

    def _part(self, opening: re.Match[str]) -> int:
        """Take a tag or a fence; return where the text goes on."""
        self.rest.append("\n")
        return self._tag(opening) if opening["name"] else self._fence(opening)

    def _tag(self, opening: re.Match[str]) -> int:
        name, start = opening["name"].lower(), opening.end()
        if name in self._left_open:
            return start
        end, after = self._closing(name, start)
        closed = end < len(self._text)
        if name == "solution" and not closed:
            self._left_open.add(name)
            return start
        if is_quoted(self._text, opening.start(), after) and not self._is_action(
            self._text[start:end]
        ):
            return after
        if name == "solution":
            self.solutions.append(self._text[start:end])
        elif (inner := self._inner(start, end)) and not self._is_action(self._text[start:end]):
            return self._doubled(start, inner, end)
        elif stray := self._stray(start, end):
            return self._all_was_thought(stray)
        elif len(self.blocks) < _MAX_BLOCKS:
            self.blocks.append(Block(self._text[start:end], "" if closed else "</execute>"))
        return after

    def _inner(self, start: int, end: int) -> re.Match[str] | None:
        """Find the next tag that opens an action before the last one is closed."""
        for found in _EXECUTE.finditer(self._text, start, end):
            within_thought = self._thoughts.covers(start, found.start())
            if not within_thought and not is_quoted(self._text, *found.span()):
                self._doubled_tags += 1
                return found if self._doubled_tags <= _MAX_DOUBLED else None
        return None

    def _doubled(self, start: int, inner: re.Match[str], end: int) -> int:
        """Read two opening tags in a row: the first is only spoken of, or the second was to close
        it; return where the text goes on.
        """
        before, behind = self._text[start : inner.start()], self._text[inner.end() : end]
        if not self._is_action(before) and behind.strip():
            return inner.start()
        self.blocks.append(Block(before))
        return inner.start() if self._is_action(behind) else inner.end()

    def _closing(self, name: str, start: int) -> tuple[int, int]:
        """Find where a tag's content ends, and where the text goes on."""
        for found in _CLOSING[name].finditer(self._text, start):
            if not is_quoted(self._text, *found.span()):
                return found.start(), found.end()
        text, tag = self._text.rstrip(), f"</{name}"
        for size in range(len(tag), 0, -1):
            if len(text) - size >= start and text.endswith(tag[:size]):
                return len(text) - size, len(self._text)
        return len(self._text), len(self._text)

    def _stray(self, start: int, end: int) -> Mark | None:
        """Find the end of a thought, begun before, in a part that is no action."""
        stray = self._thoughts.left_over(start, end)
        return None if stray is None or self._is_action(self._text[start:end]) else stray

    def _fence(self, opening: re.Match[str]) -> int:
        if len(self.fences) == _MAX_FENCES:
            return opening.end()
        fence = read_fence(self._text, opening, self._is_action)
        if stray := self._stray(opening.end(), fence.end):
            return self._all_was_thought(stray)
        if not self._tags_within(fence):
            self.fences.append(fence)
        return fence.end

    def _tags_within(self, fence: Fence) -> bool:
        """Take the tags that stand in a fence which is no action itself; tell whether there are."""
        if self._nested or fence.language in fences.QUOTED:
            return False
        if not _TAG.search(fence.text) or self._is_action(fence.text):
            return False
        within = _Scanner(fence.text, self._chooser, nested=True).scan()
        self.blocks += [Block(b.text, "" if fence.closed else b.missing) for b in within.blocks]
        self.solutions += within.solutions
        return bool(within.blocks or within.solutions)


@functools.cache
def _named_tags(languages: frozenset[str]) -> re.Pattern[str]:
    names = "|".join(map(re.escape, sorted(languages))) or "(?!)"
    return re.compile(rf"<({names})>(?P<text>.*?)(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)


def _block(fence: Fence) -> Block:
    return Block(fence.text, "" if fence.closed else "```")
