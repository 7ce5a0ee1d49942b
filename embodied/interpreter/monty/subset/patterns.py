r"""Regular expressions, read by CPython's parser and written again for Monty's engine.

The two engines read the same text differently: `$` before a final line break, `\Z`, `[a&&b]`, what
counts as a letter, flags. So no pattern reaches Monty as it was written. What has no equal is
refused, above all patterns that can match an empty text, where the next match begins elsewhere.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from embodied._util.parsing import PARSER

FLAGS = {"I": re.I, "M": re.M, "S": re.S, "X": re.X, "U": re.U, "NOFLAG": 0}
FLAGS |= {"IGNORECASE": re.I, "MULTILINE": re.M, "DOTALL": re.S, "VERBOSE": re.X, "UNICODE": re.U}
"""Names of the flags whose meaning can be written into a pattern."""

_LONGEST = 2000
_ASCII = 128
_WORD, _DIGIT = r"\p{L}\p{N}_", r"\p{Nd}"
_SPACE = (
    r"\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
)
_CATEGORIES = {
    op.CATEGORY_DIGIT: _DIGIT,
    op.CATEGORY_SPACE: _SPACE,
    op.CATEGORY_WORD: _WORD,
    op.CATEGORY_NOT_DIGIT: f"[^{_DIGIT}]",
    op.CATEGORY_NOT_SPACE: f"[^{_SPACE}]",
    op.CATEGORY_NOT_WORD: f"[^{_WORD}]",
}
_PLACES = {op.AT_BEGINNING_STRING: r"\A", op.AT_END_STRING: r"\z"}
_BOUNDARIES = {op.AT_BOUNDARY: True, op.AT_NON_BOUNDARY: False}
_WORD_CATEGORIES = {
    op.CATEGORY_WORD: True,
    op.CATEGORY_DIGIT: True,
    op.CATEGORY_NOT_WORD: False,
    op.CATEGORY_SPACE: False,
}
"""Whether the characters of a category belong to words; of the others some do."""

_TEMPLATE = re.compile(r"(?:[^\\]|\\[1-9](?!\d)|\\g<\w+>|\\\\)*", re.DOTALL)


class UntranslatableError(ValueError):
    """A pattern means something that Monty's engine cannot be told; the message says what."""


@lru_cache(1024)
def translate(pattern: str, flags: int = 0, empty: bool = False) -> str:
    """Write a pattern for Monty's engine.

    Args:
        pattern: what the policy wrote.
        flags: of the `re` module, other than those inside the pattern.
        empty: whether the pattern may match an empty text, as it is used for one match only.

    Raises:
        UntranslatableError: it cannot be written there.
        re.error: it is no regular expression.
    """
    if len(pattern) > _LONGEST:
        raise UntranslatableError("the pattern is too long")
    with PARSER, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = _parser.parse(pattern, flags)
    if not empty and tree.getwidth()[0] == 0:
        raise UntranslatableError("a pattern that can match an empty text")
    return _Writer(tree.state.flags).sequence(tree)


def is_template(pattern: str, template: str) -> bool:
    """Whether a replacement fits a pattern and holds only groups that both engines know."""
    if not _TEMPLATE.fullmatch(template):
        return False
    try:
        with PARSER:
            _parser.parse_template(template, re.compile(pattern))
    except (re.error, IndexError):
        return False
    return True


class _Writer:
    """Writes the parts of one pattern under their flags."""

    def __init__(self, flags: int) -> None:
        if flags & (re.A | re.L | re.DEBUG):
            raise UntranslatableError("this flag")
        self._flags = flags

    def sequence(self, parts: Any) -> str:
        written = []
        for place, (kind, value) in enumerate(parts):
            if kind is op.AT and value in _BOUNDARIES:
                before, after = parts[:place], parts[place + 1 :]
                written.append(
                    _boundary(_BOUNDARIES[value], _is_word(before, -1), _is_word(after, 0))
                )
            else:
                written.append(self._part(kind, value))
        return "".join(written)

    def _part(self, kind: Any, value: Any) -> str:
        write = _WRITERS.get(kind)
        if write is None:
            raise UntranslatableError("this part of a pattern")
        return write(self, value)

    def _literal(self, code: int) -> str:
        return self._cased(_character(code))

    def _cased(self, text: str) -> str:
        if not self._flags & re.I:
            return text
        if not text.isascii():
            raise UntranslatableError("letters beyond ASCII without regard to case")
        return f"(?i:{text})"

    def _not_literal(self, code: int) -> str:
        return self._cased(f"[^{_character(code)}]")

    def _any(self, _: None) -> str:
        return "(?s:.)" if self._flags & re.S else r"[^\n]"

    def _set(self, parts: Any) -> str:
        negated = parts[0][0] is op.NEGATE
        return self._cased(f"[{'^' * negated}{''.join(map(_member, parts[negated:]))}]")

    def _place(self, place: Any) -> str:
        multiline = self._flags & re.M
        match place:
            case op.AT_BEGINNING:
                return "(?m:^)" if multiline else r"\A"
            case op.AT_END:
                return "(?m:$)" if multiline else r"(?=\n?\z)"
        return _PLACES[place]

    def _repeat(self, value: Any, lazy: str = "") -> str:
        least, most, part = value
        if part.getwidth()[0] == 0 and most > 1:
            raise UntranslatableError("a repeated part that can match an empty text")
        times = f"{{{least},{'' if most is op.MAXREPEAT else most}}}"
        return f"(?:{self.sequence(part)}){times}{lazy}"

    def _lazy_repeat(self, value: Any) -> str:
        return self._repeat(value, "?")

    def _group(self, value: Any) -> str:
        number, added, removed, part = value
        inner = _Writer((self._flags | added) & ~removed).sequence(part)
        if number is None:
            return f"(?:{inner})"
        names = part.state.groupdict.items()
        name = next((name for name, group in names if group == number), None)
        return f"(?P<{name}>{inner})" if name else f"({inner})"

    def _branch(self, value: Any) -> str:
        return f"(?:{'|'.join(map(self.sequence, value[1]))})"

    def _look(self, value: Any, sign: str = "=") -> str:
        direction, part = value
        return f"(?{'<' * (direction < 0)}{sign}{self.sequence(part)})"

    def _look_not(self, value: Any) -> str:
        return self._look(value, "!")


def _boundary(wanted: bool, before: bool | None, after: bool | None) -> str:
    """Write that a word begins or ends here, or that none does.

    A side that is known needs no test: Monty's engine takes a millisecond to compile all four.

    Args:
        wanted: whether one begins or ends.
        before: whether the character before belongs to a word; None: the pattern does not say.
        after: likewise.
    """
    if after is not None:
        return f"(?<{'!' if wanted == after else '='}[{_WORD}])"
    if before is not None:
        return f"(?{'!' if wanted == before else '='}[{_WORD}])"
    same, other = ("!", "=") if wanted else ("=", "!")
    return f"(?:(?<=[{_WORD}])(?{same}[{_WORD}])|(?<![{_WORD}])(?{other}[{_WORD}]))"


def _is_word(parts: Any, end: int) -> bool | None:
    """Whether what parts match has a word's character at its beginning (0) or end (-1), if sure."""
    kind, value = parts[end] if len(parts) else (None, None)
    match kind, value:
        case op.LITERAL, _:
            return _member_is_word((kind, value))
        case op.IN, [*members]:
            return _agreed(map(_member_is_word, members))
        case ((op.MAX_REPEAT | op.MIN_REPEAT), (least, _, repeated)) if least:
            return _is_word(repeated, end)
        case op.SUBPATTERN, (*_, inner):
            return _is_word(inner, end)
        case op.BRANCH, (_, branches):
            return _agreed(_is_word(branch, end) for branch in branches)
    return None


def _member_is_word(part: tuple[Any, Any]) -> bool | None:
    match part:
        case op.LITERAL, code:
            return _belongs(code)
        case op.RANGE, (low, high) if high < _ASCII:
            return _agreed(map(_belongs, range(low, high + 1)))
        case op.CATEGORY, category:
            return _WORD_CATEGORIES.get(category)
    return None


def _belongs(code: int) -> bool:
    """Whether a character belongs to words."""
    return chr(code).isalnum() or chr(code) == "_"


def _agreed(answers: Iterable[bool | None]) -> bool | None:
    """Return what all say; None where they differ."""
    (answer, *others) = {*answers}
    return None if others else answer


def _character(code: int) -> str:
    character = chr(code)
    return character if character.isalnum() or code >= _ASCII else f"\\x{{{code:x}}}"


def _member(part: tuple[Any, Any]) -> str:
    """Write one member of a set of characters."""
    match part:
        case op.LITERAL, code:
            return _character(code)
        case op.RANGE, (low, high):
            return f"{_character(low)}-{_character(high)}"
        case op.CATEGORY, category:
            return _CATEGORIES[category]
    raise UntranslatableError("this set of characters")


_WRITERS: dict[Any, Callable[[_Writer, Any], str]] = {
    op.LITERAL: _Writer._literal,
    op.NOT_LITERAL: _Writer._not_literal,
    op.ANY: _Writer._any,
    op.IN: _Writer._set,
    op.AT: _Writer._place,
    op.MAX_REPEAT: _Writer._repeat,
    op.MIN_REPEAT: _Writer._lazy_repeat,
    op.SUBPATTERN: _Writer._group,
    op.BRANCH: _Writer._branch,
    op.ASSERT: _Writer._look,
    op.ASSERT_NOT: _Writer._look_not,
}
"""What stands here has an equal in Monty's engine."""
