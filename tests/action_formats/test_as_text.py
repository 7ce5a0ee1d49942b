"""Text actions: command lines as models write them, in the paper's form and the simulator's."""

from __future__ import annotations

from typing import Any

import pytest
from embodied_controllers.household import Household

from embodied import Controller
from embodied.action_formats.as_text import TextFormat
from embodied.action_formats.format import Call, FormatError
from embodied.policy import Reply
from embodied.testing import CorridorRobot
from tests.action_formats.typed_robot import Gait, Point, Typed

GOTO = [{"receptacle": "desk 1"}]
TAKE_AND_GO = [{"object": "mug 1", "receptacle": "desk 1"}, {"receptacle": "shelf 2"}]


def read(message: str, robot: type[Controller] = Household) -> list[Call]:
    reading = TextFormat(robot).parse(Reply(message))
    assert reading.problem is None
    return TextFormat(robot).calls(reading.action) if reading.action else []


def arguments(message: str, robot: type[Controller] = Household) -> list[dict[str, Any]]:
    """What the calls of a message come to."""
    return [robot.actions()[c.name].bind(c.args, c.kwargs) for c in read(message, robot)]


def problem(message: str, robot: type[Controller] = Household) -> str:
    reading = TextFormat(robot).parse(Reply(message))
    assert reading.action is None
    assert reading.problem is not None
    return reading.problem


@pytest.mark.parametrize(
    "line",
    [
        "goto, desk 1",
        "goto,desk 1",
        "goto ,  desk 1 ",
        'goto, "desk 1"',
        "goto, 'desk 1'",
        "goto, receptacle=desk 1",
        'goto, receptacle = "desk 1"',
        'goto("desk 1")',
        "goto('desk 1')",
        "goto (desk 1)",
        'goto(receptacle="desk 1")',
        'goto("desk 1",)',
        "go to desk 1",
    ],
)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "  {}\r\n",
        "Action: {}",
        "action: {}",
        "**Action:** {}",
        "Action 1: {}",
        "Action: `{}`",
        "Action:\n{}",
        "Thought: I should, perhaps, go.\nAction: {}\nObservation: On the desk 1 you see a mug 1.",
        "I go.\n<execute>\n{}\n</execute>\nThen I see.",
        "<execute>{}</execute>",
        "<execute>\nAction: {}\n</execute>",
        "<execute>\n1. {}\n</execute>",
        "<execute>\n- {}\n</execute>",
        "<execute>\n```text\n{}\n```\n</execute>",
        "<execute>\n{}\n",
        "I go.\n```\n{}\n```",
        "```text\n{}\n",
        "<thought>look</thought>\n<execute>{}</execute><solution>look</solution>",
    ],
)
def test_the_forms_of_a_command(line: str, around: str) -> None:
    assert arguments(around.format(line)) == GOTO


@pytest.mark.parametrize(
    "message",
    [
        "take mug 1 from desk 1\ngo to shelf 2",
        "Action: take_from, mug 1, desk 1\nAction: goto, shelf 2",
        "Action:\ntake_from, mug 1, desk 1\n- go to shelf 2\nThen I look.\nlook",
        "Action:\n\ntake_from, mug 1, desk 1\n2. goto, shelf 2\n\nlook",
        "<execute>\ntake_from, mug 1, desk 1\n\ngo to shelf 2\n</execute>",
        "<execute>take_from, mug 1, desk 1</execute>\n<execute>goto, shelf 2</execute>",
        "<execute>\n1) take_from(mug 1, desk 1)\n2) goto(shelf 2)\n</execute>",
        "```\ntake_from, mug 1, desk 1\n```\nand\n```\ngoto, shelf 2\n```",
    ],
)
def test_several_commands(message: str) -> None:
    assert arguments(message) == TAKE_AND_GO


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("I think that I go to the desk.", "line 1, `I think that I go to the desk.`"),
        ("look\nThen I go to the desk.", "line 2, `Then I go to the desk.`"),
        ("Okay, I look.", "this is no command"),
        ("<execute>\nlook\ngoto desk 1\n</execute>", "line 2, `goto desk 1`"),
        ("<execute>goto desk 1</execute>", "did you mean: goto, <receptacle>"),
        ("<execute>take mug 1</execute>", "did you mean: take_from, <object>, <receptacle>"),
        ("<execute>§</execute>", "line 1, `§`: this is no command"),
        ('<execute>goto, "desk 1</execute>', "column 7: the text in quotes that begins here"),
        ('<execute>goto, "desk" 1</execute>', 'column 14: expected ","'),
        ("<execute>take_from, , desk 1</execute>", "column 12: expected an argument"),
        ('<execute>goto("desk 1"</execute>', 'expected ")"'),
        ("<execute>goto(object=a, object=b)</execute>", "object is given twice"),
        ("<execute>\nlook\ngoto, desk 1", "the message ends before the commands do"),
        ("```\nlook\ngoto, desk 1", "the message ends before the commands do"),
        ("Action: I look around", "line 1, `I look around`"),
    ],
)
def test_problems_name_the_line_and_show_the_right_form(message: str, words: str) -> None:
    assert words in problem(message)


@pytest.mark.parametrize(
    "message",
    ["", "<solution>give up</solution>", "<thought>look</thought>", "<execute></execute>"],
)
def test_messages_without_an_action(message: str) -> None:
    assert read(message) == []


def test_unknown_names_are_calls_where_an_action_is_marked() -> None:
    assert read("<execute>dance, a, 'b, c'</execute>") == [Call("dance", ("a", "b, c"))]
    assert read("Action: dance(x=1)") == [Call("dance", kwargs={"x": "1"})]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("say, hello  there ", {"text": "hello  there"}),
        ("say, 3", {"text": "3"}),
        ("say, None", {"text": "None"}),
        ("say, [1", {"text": "[1"}),
        ("say, x=5", {"text": "x=5"}),
        ("say, text=x=5", {"text": "x=5"}),
        ("say, don't", {"text": "don't"}),
        ("say, 'tis the season", {"text": "'tis the season"}),
        ("say, 'don\\'t, please'", {"text": "don't, please"}),
        ('say, "a, \\"b\\"\\n\\u00e9"', {"text": 'a, "b"\né'}),
        ('say, "C:\\dir"', {"text": "C:\\dir"}),
        ("say, 'C:\\dir'", {"text": "C:\\dir"}),
        ("count, 3", {"n": 3, "by": 1.0, "loud": False}),
        ("count, -3, 2.5, loud=True", {"n": -3, "by": 2.5, "loud": True}),
        ("count, 3, loud=true", {"n": 3, "by": 1.0, "loud": True}),
        ("count(3, by=2)", {"n": 3, "by": 2.0, "loud": False}),
        (
            'switch, True, ["a, b", "c"], {"x": 1, "y": 2}',
            {"on": True, "names": ["a, b", "c"], "levels": {"x": 1, "y": 2}},
        ),
        (
            "switch(False, ['a, b'], {'x': 1})",
            {"on": False, "names": ["a, b"], "levels": {"x": 1}},
        ),
        ("aim, (1, 2.5), slow", {"at": (1, 2.5), "speed": "slow"}),
        ('aim, [1, 2.5], "fast"', {"at": (1, 2.5), "speed": "fast"}),
        ("aim, [1, 2.5], None", {"at": (1, 2.5), "speed": "None"}),
        ("walk, run", {"gait": Gait.RUN, "to": None}),
        ('walk, 3, {"x": 1}', {"gait": Gait.THIRD, "to": Point(1.0)}),
        ("walk, walk, None", {"gait": Gait.WALK, "to": None}),
        ("label, a, 3, 4", {"name": "a", "value": 3, "note": "4"}),
        ("label, a, b c, null", {"name": "a", "value": "b c", "note": None}),
        ('label, a, "3"', {"name": "a", "value": "3", "note": None}),
        ("first, a=x, b=3, e=z", {"a": "x", "b": 3, "c": "", "d": "x", "e": "z"}),
        ("first, x, c=y, e=z", {"a": "x", "b": 2, "c": "y", "d": "x", "e": "z"}),
    ],
)
def test_arguments_are_read_by_the_type_of_their_parameter(
    line: str, expected: dict[str, Any]
) -> None:
    assert arguments(f"<execute>{line}</execute>", Typed) == [expected]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('switch, True, ["a" "b], {}', 'column 20: expected "," or "]"'),
        ("switch, True, [1, 2", 'column 20: expected "," or "]"'),
        ("switch, True, [left, right], {}", "column 16: expected a value"),
        ("switch, True, {1, 2}, {}", "column 16: expected a key in double quotes"),
        ("switch, True, [b'x'], {}", "column 16: expected a value"),
        ("aim, (1, 1e999), slow", "column 6: expected a value"),
        ("aim, (" + "1, " * 20_000 + "1), slow", "column 6: expected a value"),
    ],
)
def test_values_that_cannot_be_read(line: str, words: str) -> None:
    assert words in problem(f"<execute>{line}</execute>", Typed)


@pytest.mark.parametrize("line", ["count, three", "count, " + "9" * 5000, "say, a, b", "count"])
def test_values_that_do_not_fit_are_left_to_the_call(line: str) -> None:
    (call,) = read(f"<execute>{line}</execute>", Typed)
    with pytest.raises(TypeError):
        Typed.actions()[call.name].bind(call.args, call.kwargs)


def test_calls_of_what_is_no_action() -> None:
    with pytest.raises(FormatError):
        TextFormat(Household).calls("no action, this")


def test_what_is_rendered() -> None:
    calls = [
        Call("say", ("hello",)),
        Call("say", ("a, b",)),
        Call("say", ("<b>\n",)),
        Call("count", (3,), {"loud": True}),
        Call("label", ("a", "3"), {"note": "x"}),
    ]
    assert TextFormat(Typed).render("So.", calls).content == (
        "So.\n<execute>\nsay, hello\n"
        'say, "a, b"\n'
        'say, "\\u003cb>\\n"\n'
        "count, 3, loud=true\n"
        'label, a, "3", x\n'
        "</execute>"
    )


def test_the_document_shows_patterns_and_types() -> None:
    document = TextFormat(Typed).describe_api()
    assert "\ngoto, <receptacle>\n" in TextFormat(Household).describe_api()
    assert "\ncount, <n: int>[, <by: float = 1.0>][, loud=<bool = False>]\n" in document
    assert "\naim, <at: tuple[int, float]>, <speed: Literal['slow', 'fast', 'None']>\n" in document
    assert "\nwalk, <gait: Gait>[, <to: Point | None = None>]\n" in document
    assert 'Types, as JSON schema: {"Gait": {"enum": ["walk", "run", 3]}' in document


@pytest.mark.parametrize(
    ("command", "form"),
    [
        ("toggle desklamp 1", "use, <object>"),
        ("turn on desklamp 1", "use, <object>"),
        ("switch on desklamp 1", "use, <object>"),
        ("turn desklamp 1 on", "use, <object>"),
        ("pick up bowl 1 from desk 1", "take_from, <object>, <receptacle>"),
        ("grab bowl 1", "take_from, <object>, <receptacle>"),
        ("place bowl 1 on desk 1", "put, <object>, <receptacle>"),
        ("drop bowl 1", "put, <object>, <receptacle>"),
        ("walk to desk 1", "goto, <receptacle>"),
        ("move to desk 1", "goto, <receptacle>"),
        ("look around", "look"),
        ("inspect desk 1", "examine, <target>"),
        ("wash cup 1", "clean, <object>, <receptacle>"),
        ("microwave egg 1", "heat, <object>, <receptacle>"),
        ("chill mug 1", "cool, <object>, <receptacle>"),
        ("cut bread 1", "slice, <object>, <tool>"),
        ("shut fridge 1", "close_receptacle, <receptacle>"),
        ("opn desk 1", "open_receptacle, <receptacle>"),
    ],
)
def test_other_words_for_an_action_get_its_form(command: str, form: str) -> None:
    assert problem(f"<execute>{command}</execute>").endswith(f"did you mean: {form}")


@pytest.mark.parametrize("command", ["pick up key", "grab key"])
def test_hints_come_from_the_names_of_any_robot(command: str) -> None:
    assert problem(f"<execute>{command} now</execute>", CorridorRobot).endswith("mean: take_key")


@pytest.mark.parametrize(
    "line", ["Go to Desk 1", "GO TO DESK 1", "Action: Go To desk 1", "Goto, desk 1", "GOTO(desk 1)"]
)
def test_case_is_no_mistake(line: str) -> None:
    assert arguments(line) == GOTO


@pytest.mark.parametrize("line", ["Action: go to desk 1.", "Thought: Hm. Action: Go to desk 1!"])
def test_a_full_stop_is_no_part_of_a_command(line: str) -> None:
    assert arguments(line) == GOTO


@pytest.mark.parametrize(
    "message",
    [
        "Thought: hm.\nAction: goto\nAction Input: desk 1",
        'Action: goto\nAction Input: "desk 1"\nObservation: You see a mug 1.',
        'Action: goto\n**Action Input:** {"receptacle": "desk 1"}',
        "Action:\ngoto\nArguments: receptacle=desk 1",
        "Action: go to desk 1\nAction Input: None",
    ],
)
def test_arguments_may_have_a_line_of_their_own(message: str) -> None:
    assert arguments(message) == GOTO


@pytest.mark.parametrize("given", ["", "None", "{}", "n/a"])
def test_a_command_without_arguments_may_be_given_none(given: str) -> None:
    assert read(f"Action: look\nAction Input: {given}") == [Call("look")]


@pytest.mark.parametrize(
    "form",
    [
        "My action: {}",
        "My next action is: {}",
        "The best action to take: {}",
        "Commands:\n1. {}",
        "Actions:\n- {}",
        "Act: {}",
        "Action -> {}",
        "Action = {}",
        "行动\uff1a{}",
        "思考\uff1a我要去。\n动作: {}",
        "Action: [{}]",
        "Action: <{}>",
        "Action: `{}` because it is near.",
        "Action: **{}** (the nearest)",
        'Action: "{}".',
        "(1) {}",
        "```\n>>> {}\n```",
        "$ {}",
        "Step 1: {}",
        "> think: I go there.\n> {}",
        "Thought: I go there.\n{}",
        "<action>{}</action>",
        "<command>\n{}\n</command>",
        "> ```\n> {}\n> ```",
        "{}\n</execute>",
        "The action: I think about it.\nAction: {}",
        "My command is - hm\nAction: {}",
    ],
)
def test_more_of_what_models_write_around_a_command(form: str) -> None:
    assert arguments(form.format("go to desk 1")) == GOTO


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("I will go to desk 1.", "did you mean: goto, <receptacle>"),
        ("Let me open the fridge 1", "did you mean: open_receptacle, <receptacle>"),
        ("Next, I should take the mug 1.", "did you mean: take_from, <object>, <receptacle>"),
        ("I think so.", "this is no command"),
        ("<answer>desk 1</answer>", "`<answer>desk 1</answer>`: this is no command"),
    ],
)
def test_a_sentence_gets_the_form_of_what_it_leads_up_to(message: str, hint: str) -> None:
    assert problem(message).endswith(hint)


def test_a_text_keeps_its_case() -> None:
    assert arguments("<execute>Say, Hello</execute>", Typed) == [{"text": "Hello"}]


def test_a_fence_that_is_cut_asks_for_its_own_end() -> None:
    assert problem("```text\nlook\ngoto, desk 1").endswith("end them with ```")


def test_a_tag_that_is_cut_ends_the_commands() -> None:
    assert arguments("<execute>goto, desk 1</exec") == GOTO
