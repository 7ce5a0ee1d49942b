"""Markdown fences as models write them: with words before and behind them, on one line, cut."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass

CODE = frozenset(
    (
        *("python", "python3", "py", "py3", "ipython", "ipython3", "tool_code", "code"),
        *("execute", "execute_ipython", "execute_python"),
    )
)
JSON = frozenset(("json", "jsonl", "json5", "jsonc", "tool_call", "tool_calls"))
TEXT = frozenset(("text", "txt", "plaintext", "plain", "command", "commands", "action", "actions"))
QUOTED = frozenset(
    (
        *("output", "stdout", "stderr", "result", "results", "observation", "log", "error"),
        *("diff", "think", "thinking", "thought", "thoughts", "reasoning", "scratchpad"),
    )
)
"""Names of fences that hold what was seen or considered, never what is to be done."""
_OTHER = (
    *("bash", "sh", "shell", "zsh", "console", "powershell", "markdown", "md", "xml", "html"),
    *("yaml", "toml", "sql", "javascript", "js", "typescript", "java", "rust", "cpp", "pycon"),
)
_LANGUAGES = CODE | JSON | TEXT | QUOTED | frozenset(_OTHER)

OPENING = r"`{3,}|^[ \t]*~{3,}"
"""Pattern of what opens a fence; to be used with `re.MULTILINE`."""
_INFO = re.compile(
    r"[ \t]*(?:\{[ \t]*\.?(?P<braced>[\w+#-]+)[^}\n\"]*\}|\.?(?P<word>[A-Za-z][\w+#-]*))"
    r"(?P<more>[^\n`~]*)"
)
_ATTRIBUTES = re.compile(
    r"""[ \t]*(?:(?:[:,]?[\w./-]+|[\w-]+=(?:"[^"\n]*"|'[^'\n]*'|[\w./-]+)|\{[^"\n]*\})"""
    r"(?:\s+|\Z))*"
)
_FIRST_LINE = re.compile(r"\s*(\w+)[ \t]*\r?\n")
_CUT_CLOSING = re.compile(r"\n[ \t]*[`~]{1,2}[ \t]*\Z")
_LONE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[\w+#-]*[ \t\r]*$\n?", re.MULTILINE)
_QUOTED_PART = re.compile(
    r"^[ \t]*>[ \t]?(?:`{3}|~{3}|<execute).*(?:\n[ \t]*>.*)*", re.MULTILINE | re.IGNORECASE
)
_QUOTE_MARK = re.compile(r"^[ \t]*>[ \t]?", re.MULTILINE)
_MAX_RUNS = 16
"""Runs of backticks that are looked at for the end of one fence."""


@dataclass(frozen=True)
class Fence:
    """A fence in a text."""

    language: str
    """In lower case; empty where it has none."""
    text: str
    end: int
    """Where the text goes on behind it."""
    closed: bool


def read_fence(text: str, opening: re.Match[str], is_action: Callable[[str], bool]) -> Fence:
    """Read the fence that opens there.

    It ends at the first mark that leaves an action before it; where there is none, at the first
    that stands in a line with other words, or alone, or opens the next fence.
    """
    mark = opening[0].strip()
    language, start = _info(text, opening.end())
    end, after, closed = _end(text, start, mark, is_action)
    body = text[start:end]
    if not body.strip() and start < len(text):
        word_end = opening.end() + len(language) if language in _LANGUAGES else opening.end()
        body = text[word_end:end]
        language = language if language in _LANGUAGES else ""
    named = None if language else _FIRST_LINE.match(body)
    if named and named[1].lower() in _LANGUAGES:
        language, body = named[1].lower(), body[named.end() :]
    return Fence(language, body, after, closed)


def unquoted(text: str) -> str:
    """Drop the marks of Markdown quotes (`> `) from where a fence or a tag opens in one."""
    return _QUOTED_PART.sub(lambda part: _QUOTE_MARK.sub("", part[0]), text)


def without_name(text: str, languages: frozenset[str]) -> str:
    """Drop a first line that is nothing but the name of a language."""
    named = _FIRST_LINE.match(text)
    return text[named.end() :] if named and named[1].lower() in languages else text


def without_lone_lines(text: str) -> str:
    """Drop the lines that open or close a fence."""
    return _LONE.sub("", text)


def _info(text: str, position: int) -> tuple[str, int]:
    """Read the language behind an opening, and find where the content begins."""
    found = _INFO.match(text, position)
    if found is None:
        return "", _line_start(text, position)
    language, more = (found["braced"] or found["word"]).lower(), found["more"]
    whole_line = text[found.end() : found.end() + 1] in ("", "\n")
    if whole_line and (not more.strip() or (language in _LANGUAGES and _is_attributes(more))):
        return language, found.end() + 1
    if language in _LANGUAGES and (not more or more[0] in " \t"):
        return language, found.start("more")
    return "", position


def _is_attributes(more: str) -> bool:
    return _ATTRIBUTES.fullmatch(more) is not None


def _line_start(text: str, position: int) -> int:
    """Skip what is left of an empty line."""
    end = text.find("\n", position)
    return end + 1 if end >= 0 and not text[position:end].strip() else position


def _end(
    text: str, start: int, mark: str, is_action: Callable[[str], bool]
) -> tuple[int, int, bool]:
    """Find where the content ends, where the text goes on, and whether the fence is closed."""
    within: list[tuple[int, int, bool]] = []
    ends: list[tuple[int, int, bool]] = []
    nested = False
    runs = re.compile(f"{mark[0]}{{{len(mark)},}}").finditer(text, start)
    for run in itertools.islice(runs, _MAX_RUNS):
        line = max(text.rfind("\n", start, run.start()) + 1, start)
        line_end = text.find("\n", run.end())
        behind = text[run.end() : line_end if line_end >= 0 else len(text)]
        alone = not text[line : run.start()].strip()
        opens = alone and line > start and _info(text, run.end())[0] in _LANGUAGES
        if alone and not behind.strip():
            ends.append((run.start(), run.end(), True))
            if not nested:
                break
        elif opens:
            nested = True
            ends.append((run.start(), run.start(), True))
        else:
            within.append((run.start(), run.end(), True))
    if not within and len(ends) == 1:
        return ends[0]
    for place in sorted(within + ends):
        if is_action(text[start : place[0]]):
            return place
    if within or ends:
        return (within or ends)[0]
    cut = _CUT_CLOSING.search(text, start)
    return (cut.start(), len(text), True) if cut else (len(text), len(text), False)
