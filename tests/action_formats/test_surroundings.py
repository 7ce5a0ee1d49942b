"""One action in all that models write around it: it is found, and nothing else is done.

Messages are drawn from a grammar: prose, thoughts in every kind of marks, quoted observations and
data, then the action as models mark it, cut or not, then more of the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from embodied_controllers.household import Household
from hypothesis import given, settings
from hypothesis import strategies as st

from embodied.action_formats.as_code import CodeFormat
from embodied.action_formats.as_json import JsonFormat
from embodied.action_formats.as_text import TextFormat
from embodied.action_formats.format import ActionFormat, Call, CallFormat
from embodied.policy import Reply

_T = TypeVar("_T")

THOUGHTS = [
    ("<think>", "</think>"),
    ("<think>\n", "\n</think>\n\n"),
    ("<thinking>", "</thinking>"),
    ("<THOUGHT>", "</THOUGHT>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<analysis>\n", "\n</analysis>\n"),
    ("<seed:think>", "</seed:think>"),
    ('<think duration="3">', "</think>"),
    ("<think>", "</thinking>"),
    ("<think>", "<\\think>"),
    ("<think>a <think> b", "</think>"),
    ("<reasoning><think>a</think>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel|>analysis<|message|>", "<|end|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("<|channel>thought\n", "<channel|>"),
    ("<unused94>thought\n", "<unused95>"),
    ("<plan>", "</plan>"),
    ("<思考>", "</思考>"),
    ("【思考】", "【/思考】"),
    ("<details><summary>Thinking</summary>\n", "\n</details>\n"),
]
BEGINNINGS = [
    "</think>\n\n",
    "</thought>",
    "[/THINK]",
    "◁/think▷",
    "<|channel|>final<|message|>",
]
"""What ends a thought that the server's template has opened."""
LEFT_OPEN = ["<think>", "<thinking>", "[THINK]", "◁think▷", "<|channel|>analysis<|message|>"]
PROSE = [
    "I go on.",
    "So: I see a mug 1 (clean), and a pen 1.",
    "It's `x`, isn't it?",
    "1. First, I look around.\n2. Then I act.",
    "**Plan**\n- find it\n- take it",
    "I write it in `<execute>` tags, after '<think>'.",
    "I write it as `<execute>...</execute>`.",
]
QUOTED = [
    "You see a mug 1, and a pen 1.",
    "Nothing happens.",
    "Observation:\nOn the desk 1, you see nothing.\n[left: 3 turns]",
]
FENCES = [
    "```\n{}\n```",
    "```output\n{}\n```",
    "```\n{}```",
    "~~~\n{}\n~~~",
    "```\n{}\n``` as I saw.",
]
CUT_TAGS = ["</execute", "</exec", "</", "\n<", "\n</e"]
TAGGED = [
    "<execute>{}</execute>",
    "<execute>\n{}\n</execute>",
    "<EXECUTE>\n{}\n</EXECUTE>",
    '<execute lang="x">{}</execute>',
    "<execute>\n{}\n</ execute >",
    "<execute>\n```\n{}\n```\n</execute>",
    "<execute>\nHere it is:\n```\n{}\n```\n</execute>",
    "<execute>\n<think>hm</think>\n{}\n</execute>",
    "<execute>\n{}\n<execute>",
    "<execute>\n{}\n<execute/>",
    "> <execute>\n> {}\n> </execute>",
    "<execute><![CDATA[\n{}\n]]></execute>",
    "```xml\n<execute>\n{}\n</execute>\n```",
    "```\n<execute>\n{}\n```\n</execute>",
]
FENCED = [
    "```NAME\n{}\n```",
    "```NAME\r\n{}\r\n```",
    "``` NAME\n{}\n```",
    "```{{.NAME}}\n{}\n```",
    '```NAME title="a"\n{}\n```',
    "```NAME\n{}```",
    "```NAME\n{}\n``` and that is all",
    "```NAME\n{}``` and that is all.",
    "So ```NAME {}``` it is.",
    "So I do this: ```NAME\n{}\n```",
    "```NAME {}\n```",
    "````NAME\n{}\n````",
    "~~~NAME\n{}\n~~~",
    "> ```NAME\n> {}\n> ```",
    "```\nNAME\n{}\n```",
    "- Step:\n  ```NAME\n  {}\n  ```",
    "```\n{}\n```",
    "```{}```",
    "```\n{}```",
]


def joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map("\n".join)


def messages(
    wanted: str, considered: str, name: str, marked: list[str], bare: list[str]
) -> st.SearchStrategy[str]:
    """Messages whose action is the wanted one, and which only consider the other."""
    idle = st.sampled_from(
        [considered, f"<execute>{considered}</execute>", f"```{name}\n{considered}\n```", "Hm."]
    ).map(lambda text: f"Maybe this?\n{text}\nOr not.")
    thought = st.builds(lambda marks, text: text.join(marks), st.sampled_from(THOUGHTS), idle)
    begun = st.builds(lambda text, end: text + end, idle, st.sampled_from(BEGINNINGS))
    quoted = st.builds(str.format, st.sampled_from(FENCES), st.sampled_from(QUOTED))
    around = st.lists(thought | quoted | st.sampled_from(PROSE), max_size=3).map("\n".join)
    cut = st.builds(lambda mark, text: f"{mark}{text}", st.sampled_from(LEFT_OPEN), idle)
    forms = [form.replace("NAME", name).format(wanted) for form in (*TAGGED, *FENCED)] + marked
    begin = st.just("") | begun
    whole = joined(begin, around, st.sampled_from(forms), around, st.just("") | cut)
    ends = [f"<execute>{wanted}{end}" for end in ("\n", *CUT_TAGS)] + [
        f"```{name}\n{wanted}\n{end}" for end in ("", "`", "``")
    ]
    cut_off = joined(begin, around, st.sampled_from(ends))
    thoughts = st.lists(thought, max_size=2).map("\n".join)
    alone = joined(begin, thoughts, st.sampled_from(bare), thoughts) if bare else st.nothing()
    return whole | cut_off | alone


CODE = messages('print(goto("safe 1"))', 'print(goto("bed 1"))', "python", [], [])
JSON_WANTED = '{"name": "goto", "arguments": {"receptacle": "safe 1"}}'
JSON = messages(
    JSON_WANTED,
    '{"name": "goto", "arguments": {"receptacle": "bed 1"}}',
    "json",
    [f"I call {JSON_WANTED} now.", f"<tool_call>\n{JSON_WANTED}\n</tool_call>"],
    [JSON_WANTED, f"[{JSON_WANTED}]"],
)
LABELS = [
    "Action: {}",
    "**Action**: {}",
    "**Action:** {}",
    "**Action: {}**",
    "*Action*: {}",
    "__Action__: {}",
    "- **Action**: {}",
    "1. Action: {}",
    "## Action: {}",
    "### Action 2: {}",
    "> Action: {}",
    "Action:\n{}",
    "Action: `{}`",
    'Action: "{}"',
    "Action: **{}**",
    "Next action: {}",
    "**Action** - {}",
    "ACTION: {}",
    "Thought: a mug. Action: {}",
    "**Thought:** a mug. **Action:** {}",
    "Thought: Action: look did nothing. Action: {}",
    "<execute>\nThought: hm.\nAction: {}\n</execute>",
]
TEXT = messages(
    "go to safe 1",
    "go to bed 1",
    "text",
    [label.format("go to safe 1") for label in LABELS],
    ["go to safe 1", "goto, safe 1", "- go to safe 1", "**go to safe 1**", "Go to Safe 1"],
)


def done(made: type[ActionFormat], message: str) -> Any:
    action_format = made(Household)
    found = action_format.parse(Reply(message))
    assert found.problem is None, found.problem
    assert found.action is not None
    return (
        action_format.calls(found.action) if isinstance(action_format, CallFormat) else found.action
    )


def more(examples: int) -> Callable[[_T], _T]:
    return settings(max_examples=examples, deadline=None)  # type: ignore[return-value]


def check_code(message: str) -> None:
    assert done(CodeFormat, message) == 'print(goto("safe 1"))'


def check_json(message: str) -> None:
    assert done(JsonFormat, message) == [Call("goto", kwargs={"receptacle": "safe 1"})]


def check_text(message: str) -> None:
    (call,) = done(TextFormat, message)
    bound = Household.actions()[call.name].bind(call.args, call.kwargs)
    assert (call.name, bound) == ("goto", {"receptacle": "safe 1"})


@more(60)
@given(CODE)
def test_code_is_found_in_its_surroundings(message: str) -> None:
    check_code(message)


@more(60)
@given(JSON)
def test_json_is_found_in_its_surroundings(message: str) -> None:
    check_json(message)


@more(60)
@given(TEXT)
def test_commands_are_found_in_their_surroundings(message: str) -> None:
    check_text(message)


@pytest.mark.long
@pytest.mark.parametrize(
    ("made", "check"),
    [(CODE, check_code), (JSON, check_json), (TEXT, check_text)],
    ids=["code", "json", "text"],
)
def test_many_messages(made: st.SearchStrategy[str], check: Callable[[str], None]) -> None:
    more(5_000)(given(made)(check))()
