"""What models write around a command in its line: labels, bullets, numbers, quotes, emphasis."""

from __future__ import annotations

import re

_BULLET = re.compile(
    r"(?:(?:[-*+•>$]|>>>|#{1,6}|\(?\d{1,4}[.)]|step\s\d{1,4}[.:])\s+)+", re.IGNORECASE
)
_NOUN = r"(?:action|command)s?"
_WORDS = (
    r"(?P<emphasis>[*_]{0,3})(?:(?:my|the|next|new|best|final|chosen|selected|proposed)\s+){0,3}"
    rf"{_NOUN}(?:\s+to\s+(?:take|perform|execute|do))?(?:\s*[#(]?\d{{1,4}}\)?)?(?:\s+is)?"
    r"(?P<ended>[*_]{0,3})"
    r"(?:\s*(?:[:=\uff1a]|[-=]>|\u2192)|\s+[-\u2013\u2014]\s|\s*\Z)"
)
_OTHER_WORDS = r"(?:act|\u884c\u52a8|\u52a8\u4f5c)\s*[:\uff1a]"
_LABEL = re.compile(f"{_WORDS}|{_OTHER_WORDS}", re.IGNORECASE)
_PLAIN = re.compile(
    r"[*_]{0,3}(?:(?:next|final|chosen)\s+)?(?:action|command|act\b)", re.IGNORECASE
)
_IN_LINE = re.compile(rf"(?<![\w\"'`(*_]){_WORDS.replace(_NOUN, 'Actions?')}")
_THOUGHT = re.compile(r"[*_]{0,3}(?:thoughts?|think|reasoning|plan)\b", re.IGNORECASE)
_THOUGHT_LABEL = re.compile(
    r"[*_]{0,3}(?:thoughts?|think|reasoning|\u601d\u8003)[*_]{0,3}\s*[:\uff1a]", re.IGNORECASE
)
_INPUT = re.compile(
    r"[*_]{0,3}(?:(?:action|tool)[ _])?(?:input|arguments?|args|parameters?)[*_]{0,3}"
    r"\s*[:\uff1a][*_]{0,3}\s*(?P<given>.*)",
    re.IGNORECASE,
)
_FIRST_QUOTED = re.compile(r"(`{1,3}|\*{1,3}|\"|')(?P<quoted>[^`*\"']+)\1(?!\w)")
_QUOTES = {**{mark: mark for mark in "`\"'*_"}, "[": "]", "<": ">", "(": ")", "\u201c": "\u201d"}
_NESTED_QUOTES = 4


def bare_command(line: str) -> str:
    """Strip a line of bullet, number, `Action:`, quotes and emphasis; nothing is left of a line
    that begins with `Thought:`.
    """
    text = _without_bullet(line)
    label = _LABEL.match(text)
    if label:
        text = text[label.end() :].strip()
        if label["emphasis"] and not label["ended"]:
            text = _emphasis_ended(text, label["emphasis"])
        quoted = _FIRST_QUOTED.match(text)
        text = quoted["quoted"].strip() if quoted else text
    elif _THOUGHT_LABEL.match(text):
        return ""
    text = _unquoted(text)
    return text.strip("`").strip() if text.startswith("`") else text


def is_labelled(line: str) -> bool:
    """Tell whether a line begins with `Action:` or a like label."""
    return _LABEL.match(_without_bullet(line)) is not None


def is_plainly_labelled(line: str) -> bool:
    """Tell whether it does so without words such as `my`, with which a sentence may begin."""
    return is_labelled(line) and _PLAIN.match(_without_bullet(line)) is not None


def last_labelled_part(line: str) -> str | None:
    """Find what follows the last `Action:` within a line, with the label; None: there is none."""
    text = _unquoted(line.strip())
    found = list(_IN_LINE.finditer(text)) if "Action" in text else []
    return text[found[-1].start() :] if found else None


def is_thought(line: str) -> bool:
    """Tell whether a line begins with a word for thoughts or plans."""
    return _THOUGHT.match(_without_bullet(line)) is not None


def given_input(line: str) -> str | None:
    """Find the arguments in a line such as `Action Input: desk 1`; None: it is none."""
    found = _INPUT.fullmatch(_without_bullet(line))
    return found["given"].strip() if found else None


def _without_bullet(line: str) -> str:
    text = _unquoted(line.strip())
    bullet = _BULLET.match(text)
    return text[bullet.end() :] if bullet else text


def _emphasis_ended(text: str, mark: str) -> str:
    """Drop the mark that ends an emphasis: behind `Action:`, or behind the command."""
    return text.removeprefix(mark).strip() if text.startswith(mark) else text.removesuffix(mark)


def _unquoted(text: str) -> str:
    for _ in range(_NESTED_QUOTES):
        inner = text[1:-1]
        if len(text) < 2 or _QUOTES.get(text[0]) != text[-1]:
            break
        if text[0] != text[-1] and (text[0] in inner or text[-1] in inner):
            break
        text = inner.strip()
    return text
