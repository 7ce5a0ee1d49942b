"""Thoughts in a model's message, however the model marks them.

Servers with a reasoning parser send thoughts apart; the others leave them in the text, in the marks
that the model was trained on. What was only considered is not said: it is never read for actions or
answers.
"""

from __future__ import annotations

import functools
import itertools
import re
from bisect import bisect_left
from dataclasses import dataclass, replace

_NAMES = (
    r"think|thinking|thoughts?|(?:seed|ant|mm):think(?:ing)?|antthinking|reason|rationale"
    r"|reasoning(?:[_-]content)?|(?:thinking|thought)[_-]process|chain[_-]of[_-]thought|cot"
    r"|analysis|reflect|reflection|reflexion|deliberation|introspection|scratch_?pad|plan(?:ning)?"
    r"|(?:inner|internal)[ _-]?(?:monologue|thoughts?)|\u601d\u8003(?:\u8fc7\u7a0b)?"
)
_FINAL = (
    r"(?:(?:\|start\|>assistant<)?\|channel\|>final[^<>]{0,80}<\|message\|>"
    r"|\|begin\|>assistant<\|content\|>)"
)
_PIPED = r"(?:thinking|think|thought|reasoning)"
_BRACKETED = r"(?-i:THINK|THINKING|THOUGHT|REASONING)"
_OPENINGS = {
    "tag": rf"(?<=<)(?P<tag>{_NAMES})(?:\s[^<>]{{0,200}})?(?<!/)>",
    "bracket": rf"(?<=\[){_BRACKETED}\]",
    "lens": "(?<=\u3010)\u601d\u8003(?:\u8fc7\u7a0b)?\u3011",
    "triangle": r"(?<=◁)think▷",
    "piped": rf"(?<=<)\|(?:begin_of_|start_of_|startof|start_)?{_PIPED}(?:_start|_begin)?\|>",
    "harmony": r"(?<=<)(?:\|start\|>assistant<)?\|channel\|>analysis[^<>]{0,80}<\|message\|>",
    "channel": r"(?<=<)\|channel>(?:thought|analysis)\b",
    "unused": r"(?<=<)unused94>(?:thought\b)?",
    "inner": r"(?<=<)\|inner_prefix\|>",
    "details": r"(?<=<)details\b[^<>]{0,80}>\s{0,9}<summary>[^<>]{0,20}(?:think|thought|reason)"
    r"[^<>]{0,40}</summary>",
}
_CLOSINGS = {
    "tag": rf"(?<=<)\s{{0,9}}[/\\]\s{{0,9}}(?P<closed_tag>{_NAMES})\s{{0,9}}>",
    "bracket": rf"(?<=\[)/{_BRACKETED}\]",
    "lens": "(?<=\u3010)/\u601d\u8003(?:\u8fc7\u7a0b)?\u3011",
    "triangle": r"(?<=◁)/think▷",
    "piped": rf"(?<=<)\|(?:(?:end_of_|endof|end_|/){_PIPED}|{_PIPED}_end)\|>",
    "harmony": rf"(?<=<)(?:\|end\|>(?:\s{{0,9}}<{_FINAL})?|{_FINAL})",
    "channel": r"(?<=<)channel\|>",
    "unused": r"(?<=<)unused95>",
    "inner": r"(?<=<)\|inner_suffix\|>",
    "details": r"(?<=<)/details>",
}
"""The marks of models, all but their first character."""
_KINDS = list(_OPENINGS)
_MARK = re.compile(
    r"[<\[\u3010◁](?:"
    + "|".join(
        f"(?P<{letter}{number}>{marks[kind]})"
        for number, kind in enumerate(_KINDS)
        for letter, marks in (("o", _OPENINGS), ("c", _CLOSINGS))
    )
    + ")",
    re.IGNORECASE,
)
_ALONE_NOTHING = ("<|end|>", "</details>")
"""Closing marks that also end whole messages (of Phi), and what is no thought."""
_IN_WORDS = re.compile(
    r"\A\s*(?:analysis(?=[A-Z])(?P<thought>.*?)assistant(?:commentary|final)"
    r"|Here(?:'s| is) my thought process:(?P<process>.*?)Here(?:'s| is) my response:)",
    re.DOTALL,
)
"""Thoughts that begin a message in words: of gpt-oss, where a server has left out its special
tokens, and of Granite."""
_QUOTES = ("``", "''", '""')


@dataclass(frozen=True)
class Mark:
    """Where a text marks the beginning or the end of a thought."""

    start: int
    end: int
    opens: bool
    until: int
    """Where the thought ends."""
    closes_alone: bool = False
    """Whether it ends a thought that nothing opened, as chat templates write the opening mark (of
    DeepSeek-R1, Qwen3, …) at the end of the prompt."""


class Thoughts:
    """The marks of thoughts in a text. One that stands in quotes is only spoken of.

    A thought ends with its own closing mark; with one of another kind that comes next, where there
    is none of its own before the next such thought. Without either it was cut, and reaches to the
    end of the text; but a tag that models write only where a prompt asks for it, such as
    `<thought>`, hides nothing then.
    """

    def __init__(self, text: str, *, only_trained: bool = False) -> None:
        self.marks: list[Mark] = []
        closings: dict[str, Mark] = {}
        openings: dict[str, int] = {}
        following: Mark | None = None
        worded = _IN_WORDS.match(text)
        for found in reversed(list(_MARK.finditer(text, worded.end() if worded else 0))):
            kind, opens = _kind(found)
            if is_quoted(text, *found.span()) or (only_trained and not _is_trained(kind)):
                continue
            start, end = found.span()
            if not opens:
                alone = found[0].lower() not in _ALONE_NOTHING
                mark = Mark(start, end, False, end, alone)
                closings[kind] = mark
            else:
                closing = closings.get(kind)
                pairs = closing is not None and openings.get(kind, len(text)) > closing.start
                if not pairs and following is not None and following.closes_alone:
                    closing = following
                if closing is None and not _is_trained(kind):
                    continue
                mark = Mark(start, end, True, closing.end if closing else len(text))
                openings[kind] = start
            self.marks.append(mark)
            following = mark
        if worded:
            opened, closed = worded.span("thought" if worded["thought"] else "process")
            self.marks.append(Mark(closed, worded.end(), False, worded.end()))
            self.marks.append(Mark(0, opened, True, worded.end()))
        self.marks.reverse()
        self._drop_repeated(text)

    def _drop_repeated(self, text: str) -> None:
        """Take closing marks at the end of the message for empty thoughts, where something is said
        since the thoughts have been closed: models repeat the mark.
        """
        end, number = len(text), len(self.marks)
        while number and self.marks[number - 1].closes_alone:
            last = self.marks[number - 1]
            if text[last.end : end].strip():
                break
            number, end = number - 1, last.start
        ended = max((mark.until for mark in self.marks[:number]), default=None)
        if ended is not None and text[ended:end].strip():
            self.marks[number:] = [replace(m, opens=True) for m in self.marks[number:]]

    def covers(self, start: int, position: int) -> bool:
        """Tell whether a place stands in a thought that begins at or behind another place."""
        first = bisect_left(self.marks, start, key=lambda mark: mark.start)
        following = itertools.islice(self.marks, first, None)
        before = itertools.takewhile(lambda mark: mark.start < position, following)
        return any(mark.opens and position < mark.until for mark in before)

    def left_over(self, start: int, end: int) -> Mark | None:
        """Find a closing mark in a part of the text that nothing in this part opens."""
        first = bisect_left(self.marks, start, key=lambda mark: mark.start)
        for mark in itertools.islice(self.marks, first, None):
            if mark.start >= end:
                break
            if mark.opens:
                start = max(start, mark.until)
            elif mark.closes_alone and mark.start >= start:
                return mark
        return None


find_thoughts = functools.lru_cache(maxsize=4)(Thoughts)
"""Finds the marks of thoughts in a text; one text is looked through several times in a row."""


def split_thoughts(content: str) -> tuple[str | None, str]:
    """Split content into the thoughts that begin it, if any, and what is said after them.

    Thoughts are recorded, but not sent back: models are trained to see conversations without those
    of earlier turns. Where thoughts were cut, all is thought. The opening mark may be missing.
    """
    found = find_thoughts(content)
    first = next((mark for mark in found.marks if mark.opens or mark.closes_alone), None)
    if first is None:
        return None, content
    if not first.opens:
        return content[: first.start].strip(), content[first.end :].lstrip()
    if content[: first.start].strip():
        return None, content
    closing = next((mark for mark in found.marks if mark.end == first.until), None)
    thoughts = content[first.end : closing.start if closing else first.until]
    return thoughts.strip(), content[first.until :].lstrip()


def without_thoughts(text: str, *, only_trained: bool = False) -> str:
    """Leave the thoughts out of a text. What stands before a closing mark that nothing opened is
    one, and so is all that follows an opening mark that nothing closes.

    Args:
        text: of a message.
        only_trained: keep thoughts in tags that models write only where a prompt asks for them.
    """
    found = find_thoughts(text, only_trained=only_trained)
    said: list[str] = []
    position = 0
    for mark in found.marks:
        if mark.start < position:
            continue
        if mark.opens:
            said.append(text[position : mark.start])
            position = mark.until
        elif mark.closes_alone:
            said.clear()
            position = mark.end
    return "".join([*said, text[position:]])


def without_marks(text: str) -> str:
    """Undo the marks that would open a thought, so that a text can stand before an action."""
    for mark in reversed(find_thoughts(text).marks):
        if mark.opens:
            text = f"{text[: mark.start + 1]} {text[mark.start + 1 :]}"
    return text


def is_quoted(text: str, start: int, end: int) -> bool:
    """Tell whether a part of a text stands between two quotes of one kind, right beside them."""
    before, behind = text[max(start - 2, 0) : start], text[end : end + 2]
    between_fences = len(before + behind) == 4 and len({*before, *behind}) == 1
    return before[-1:] + behind[:1] in _QUOTES and not between_fences


def _kind(found: re.Match[str]) -> tuple[str, bool]:
    """Name the kind of a mark, and tell whether it opens a thought."""
    group, tag = str(found.lastgroup), found["tag"] or found["closed_tag"]
    return tag.lower() if tag else _KINDS[int(group[1:])], group.startswith("o")


def _is_trained(kind: str) -> bool:
    """Tell whether models are trained to write marks of this kind."""
    return kind in _KINDS or "think" in kind
