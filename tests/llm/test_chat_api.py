"""What is read from a server's answer, and what of it is doubted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from embodied._util.thoughts import split_thoughts
from embodied.llm.chat_api import MalformedResponseError, read_completion
from embodied.llm.tool_calls import leaves_calls
from embodied.trajectory import TokenRecord, Usage

COUNTED = {"prompt_tokens": 100, "completion_tokens": 7}


def body(
    content: Any = "hello",
    message: dict[str, Any] | None = None,
    choice: dict[str, Any] | None = None,
    **answer: Any,
) -> str:
    """An answer with further fields of its message, its choice and itself."""
    said = {"role": "assistant", "content": content} | (message or {})
    choices = [{"message": said, "finish_reason": "stop"} | (choice or {})]
    return json.dumps({"choices": choices, "usage": COUNTED} | answer)


# --- thoughts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "thoughts", "said"),
    [
        ("I go.", None, "I go."),
        ("  I go.\n", None, "  I go.\n"),
        ("<think>\nHm.\n</think>\n\nI go.\n", "Hm.", "I go.\n"),
        ("\n <think>Hm.</think>I go.", "Hm.", "I go."),
        ("Hm.\n</think>\n\nI go.", "Hm.", "I go."),
        ("<think>Hm. I", "Hm. I", ""),
        ("<think></think>I go.", "", "I go."),
        ("<think>a</think>b</think>c", "a", "b</think>c"),
        ("I say <think>Hm.</think>", None, "I say <think>Hm.</think>"),
        ("", None, ""),
    ],
)
def test_thoughts_are_split_off(content: str, thoughts: str | None, said: str) -> None:
    assert split_thoughts(content) == (thoughts, said)


@pytest.mark.parametrize(
    ("message", "content", "thoughts"),
    [
        ({"reasoning": "Hm."}, "I go.", "Hm."),
        ({"reasoning_content": "Hm."}, "I go.", "Hm."),
        ({"reasoning": "Hm.", "reasoning_content": "Hm."}, "I go.", "Hm."),
        ({"reasoning": "", "reasoning_content": "Hm."}, "I go.", "Hm."),
        ({"reasoning": "Hm."}, "<think>So.</think>I go.", "Hm.\nSo."),
        ({"reasoning": None}, "I go.", None),
        ({"reasoning": ["Hm."]}, "I go.", "Hm."),
        ({"reasoning": [{"type": "text", "text": "Hm."}]}, "I go.", "Hm."),
        ({"reasoning": {"text": 1}, "reasoning_content": 7}, "I go.", None),
        ({"thinking": "Hm."}, "I go.", "Hm."),
        ({"reasoning_text": "Hm."}, "I go.", "Hm."),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]}, "I go.", "Hm."),
    ],
)
def test_thoughts_are_kept_apart(
    message: dict[str, Any], content: str, thoughts: str | None
) -> None:
    read = read_completion(body(content, message), None)
    assert (read.content, read.reasoning) == ("I go.", thoughts)


def part(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


@pytest.mark.parametrize(
    ("content", "said", "thoughts"),
    [
        ([part("text", text="I go.")], "I go.", None),
        ([part("text", text="I "), part("text", text="go.")], "I go.", None),
        (["I ", "go."], "I go.", None),
        (part("text", text="I go."), "I go.", None),
        # Mistral
        (
            [part("thinking", thinking=[part("text", text="Hm.")]), part("text", text="I go.")],
            "I go.",
            "Hm.",
        ),
        # Anthropic, through gateways
        (
            [
                part("thinking", thinking="Hm.", signature="x"),
                part("redacted_thinking", data="x"),
                part("text", text="I go."),
            ],
            "I go.",
            "Hm.",
        ),
        ([part("reasoning", reasoning="Hm."), part("output_text", text="I go.")], "I go.", "Hm."),
        ([part("reasoning.summary", summary="Hm."), part("text", text="I go.")], "I go.", "Hm."),
        # Google
        ([{"text": "Hm.", "thought": True}, {"text": "I go."}], "I go.", "Hm."),
        ([part("text", text="<think>Hm.</think>I go.")], "I go.", "Hm."),
        ([part("refusal", refusal="No.")], "No.", None),
        ([part("reference", reference_ids=[1]), part("text", text="I go.")], "I go.", None),
        ([part("thinking", thinking="Hm.")], "", "Hm."),
        ([part("text", text=None)], "", None),
        ([part("text")], "", None),
        ([], "", None),
    ],
)
def test_a_content_of_parts_is_read(content: Any, said: str, thoughts: str | None) -> None:
    read = read_completion(body(content), None)
    assert (read.content, read.reasoning) == (said, thoughts)


@pytest.mark.parametrize("content", [17, [17], [None], [["I go."]], True])
def test_a_content_that_is_neither_text_nor_parts_is_nonsense(content: Any) -> None:
    with pytest.raises(MalformedResponseError, match=r"choices\.0\.message"):
        read_completion(body(content), None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a mug \ud83d", "a mug ?"),
        ("\ude00 a mug", "? a mug"),
        ("a \U0001f600 mug \ud83d", "a \U0001f600 mug ?"),
        ("a \\ud83d mug", "a \\ud83d mug"),
        ([part("text", text="a mug \ud83d")], "a mug ?"),
    ],
)
def test_half_characters_become_question_marks(content: Any, said: str) -> None:
    assert read_completion(body(content), None).content == said


def test_whole_numbers_of_tokens_may_be_written_with_a_point() -> None:
    read = read_completion(body(usage={"prompt_tokens": 5.0, "completion_tokens": 2.0}), None)
    assert read.usage == Usage(prompt_tokens=5, completion_tokens=2)


def test_half_characters_may_stand_in_thoughts_and_calls() -> None:
    function = {"name": "goto", "arguments": '{"place": "mug \ud83d"}'}
    message = {"reasoning": "Hm\udcff", "tool_calls": [{"id": "c-1", "function": function}]}
    read = read_completion(body("I go.", message), set())
    assert read.reasoning == "Hm?"
    assert [call.arguments for call in read.tool_calls] == ['{"place": "mug ?"}']


def test_what_is_no_json_stays_so_with_half_characters() -> None:
    with pytest.raises(MalformedResponseError, match="Invalid JSON"):
        read_completion('{"choices": [{"message": {"content": "\\ud83d', None)


@pytest.mark.parametrize("message", [None, {"role": "assistant"}])
def test_a_choice_may_lack_its_message_where_it_says_why(message: Any) -> None:
    choice = {"message": message, "finish_reason": "length"}
    assert read_completion(body(choice=choice), None).content == ""


def test_an_answer_that_failed_on_its_way_is_no_answer() -> None:
    failed = {"error": {"code": 502, "message": "Upstream failed"}, "finish_reason": "error"}
    with pytest.raises(MalformedResponseError, match="broke off"):
        read_completion(body("I g", choice=failed), None)


def test_tokens_that_are_not_counted_are_none() -> None:
    read = read_completion(body(usage={"prompt_tokens": 5, "completion_tokens": None}), None)
    assert read.usage == Usage(prompt_tokens=5)


def test_a_model_may_think_to_the_end() -> None:
    read = read_completion(body("<think>Hm, hm", choice={"finish_reason": "length"}), None)
    assert (read.content, read.reasoning, read.finish_reason) == ("", "Hm, hm", "length")


# --- tokens and reasons --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("details", "cached"),
    [
        ({}, 0),
        ({"prompt_tokens_details": None}, 0),
        ({"prompt_tokens_details": {}}, 0),
        ({"prompt_tokens_details": {"cached_tokens": None, "audio_tokens": "x"}}, 0),
        ({"prompt_tokens_details": {"cached_tokens": 64}}, 64),
        ({"prompt_tokens_details": {"cached_tokens": 2**30}}, 100),
    ],
)
def test_cached_tokens_are_part_of_the_prompt(details: dict[str, Any], cached: int) -> None:
    read = read_completion(body(usage=COUNTED | details), None)
    assert read.usage == Usage(prompt_tokens=100, completion_tokens=7, cached_tokens=cached)


@pytest.mark.parametrize("cached", [-1, 2**40, "64", 1.5, [1]])
def test_cached_tokens_are_a_number(cached: Any) -> None:
    usage = COUNTED | {"prompt_tokens_details": {"cached_tokens": cached}}
    with pytest.raises(
        MalformedResponseError, match=r"usage\.prompt_tokens_details\.cached_tokens"
    ):
        read_completion(body(usage=usage), None)


TOKENS = {"prompt_token_ids": [1, 2, 3]}


def chosen(*logprobs: Any, ids: Any = (7, 8)) -> dict[str, Any]:
    """A choice with these tokens and their log-probabilities."""
    said = [{"token": "x", "logprob": logprob, "top_logprobs": []} for logprob in logprobs]
    return {
        "token_ids": list(ids) if isinstance(ids, tuple) else ids,
        "logprobs": {"content": said},
    }


def tokens(choice: dict[str, Any], **answer: Any) -> TokenRecord | None:
    return read_completion(body(choice=choice, **(TOKENS | answer)), None, tokens=True).tokens


def test_tokens_are_recorded_as_sent() -> None:
    assert tokens(chosen(-0.5, 0)) == TokenRecord(
        prompt_ids=[1, 2, 3], completion_ids=[7, 8], completion_logprobs=[-0.5, 0.0]
    )


def test_tokens_are_recorded_only_where_they_were_asked_for() -> None:
    assert read_completion(body(choice=chosen(-0.5, 0), **TOKENS), None).tokens is None


@pytest.mark.parametrize(
    ("choice", "answer"),
    [
        ({}, {}),
        (chosen(-1, -1), {"prompt_token_ids": None}),
        (chosen(-1, -1), {"prompt_token_ids": "123"}),
        (chosen(-1, -1), {"prompt_token_ids": [1, -2]}),
        (chosen(-1, -1), {"prompt_token_ids": [1, 2**40]}),
        (chosen(-1, -1), {"prompt_token_ids": [1.5]}),
        (chosen(-1, -1), {"prompt_token_ids": ["1"]}),
        (chosen(-1, -1, ids=None), {}),
        (chosen(-1, -1, ids={"a": 1}), {}),
        (chosen(-1, -1, ids=(True, 2)), {}),
    ],
)
def test_tokens_that_cannot_be_are_left_out(choice: dict[str, Any], answer: dict[str, Any]) -> None:
    assert tokens(choice, **answer) is None


@pytest.mark.parametrize(
    "choice",
    [
        chosen(-1),
        chosen(-1, -1, -1),
        chosen(-1, "-1"),
        chosen(-1, None),
        chosen(-1, float("-inf")),
        chosen(-1, float("nan")),
        chosen(-1, 3.0),
        chosen() | {"logprobs": None},
        chosen() | {"logprobs": {"content": None}},
        chosen() | {"logprobs": [-1, -1]},
    ],
)
def test_probabilities_that_cannot_be_are_left_out(choice: dict[str, Any]) -> None:
    assert tokens(choice) == TokenRecord(prompt_ids=[1, 2, 3], completion_ids=[7, 8])


def test_a_reason_is_short() -> None:
    reason = read_completion(body(choice={"finish_reason": "x" * 10_000}), None).finish_reason
    assert reason is not None
    assert len(reason) < 200


@pytest.mark.parametrize(
    "content",
    [
        '<tool_call>\n{"name": "goto", "arguments": {}}\n</tool_call>',
        "<tool_call>goto\n<arg_key>receptacle</arg_key>",
        '[TOOL_CALLS][{"name": "goto"',
        "<function=goto>{}</function>",
        "<|python_tag|>goto.call()",
        '<|tool_call|>[{"name": "goto"}]',
        "<\uff5ctool\u2581calls\u2581begin\uff5c>function",
        "<|tool_calls_section_begin|>",
        '<minimax:tool_call><invoke name="goto">',
        '<function_calls><invoke name="goto">',
        "<|channel|>commentary to=functions.goto <|constrain|>json<|message|>{}",
        "<|tool_call_start|>[goto()]<|tool_call_end|>",
        'functools[{"name": "goto"}]',
        '{"name": "goto", "parameters": {"receptacle": "desk 1"}}',
        'I go.</think>{"name": "goto", "arguments": {}}',
        '[goto(receptacle="desk 1")]',
        '<\uff5cDSML\uff5cfunction_calls>\n<\uff5cDSML\uff5cinvoke name="goto">',
        "<longcat_tool_call>goto",
        "```tool_code\ngoto()\n```",
        'Action: ```json\n[{"tool_name": "goto"}]\n```',
    ],
)
def test_calls_that_a_server_leaves_in_the_text(content: str) -> None:
    assert leaves_calls(content)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "I go to the desk.",
        '{"x": 1}',
        "<solution>x</solution>",
        "<think><tool_call></think>No.",
    ],
)
def test_texts_without_calls(content: str) -> None:
    assert not leaves_calls(content)
