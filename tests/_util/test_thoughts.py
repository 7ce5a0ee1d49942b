"""Thoughts in messages, in all the marks that models write."""

from __future__ import annotations

import pytest

from embodied._util.thoughts import split_thoughts, without_marks, without_thoughts

PAIRS = [
    "<think>Hm.</think>I go.",
    "<Thinking>Hm.</Thinking>I go.",
    "<thought>Hm.</thought>I go.",
    "<reasoning>Hm.</reasoning>I go.",
    "<seed:think>Hm.</seed:think>I go.",
    "<think>Hm.</thinking>I go.",
    "[THINK]Hm.[/THINK]I go.",
    "◁think▷Hm.◁/think▷I go.",
    "<|begin_of_thought|>Hm.<|end_of_thought|>I go.",
    "<|START_THINKING|>Hm.<|END_THINKING|>I go.",
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>I go.",
    "<|channel|>analysis<|message|>Hm.<|end|>I go.",
    "<|channel>thought\nHm.<channel|>I go.",
    "<unused94>thought\nHm.<unused95>I go.",
    "analysisHm.assistantfinalI go.",
    "Here is my thought process: Hm. Here is my response: I go.",
    "<chain_of_thought>Hm.</chain_of_thought>I go.",
    "<reasoning_content>Hm.</reasoning_content>I go.",
    "<plan>Hm.</plan>I go.",
    "<思考>Hm.</思考>I go.",
    "【思考】Hm.【/思考】I go.",
    "<|inner_prefix|>Hm.<|inner_suffix|>I go.",
    "<|startofthought|>Hm.<|endofthought|>I go.",
    "<|think|>Hm.<|end|><|begin|>assistant<|content|>I go.",
    '<details type="reasoning"><summary>Thought for 3 seconds</summary>Hm.</details>I go.',
    "Hm.</think>I go.",
    "Hm.</thought>I go.",
    "Hm.[/THINK]I go.",
    "Hm.<|channel|>final<|message|>I go.",
]


@pytest.mark.parametrize("message", PAIRS)
def test_thoughts_that_begin_a_message_are_split_off(message: str) -> None:
    assert split_thoughts(message) == ("Hm.", "I go.")
    assert without_thoughts(message).strip() == "I go."


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("I <think>a</think>go <think>b</think>on.", "I go on."),
        ("<think>a</think>I go<think>b", "I go"),
        ("<think>a <think>b</think> c</think>I go.", "I go."),
        ("<reasoning>a <think>b</think> c</reasoning>I go.", "I go."),
        ("a</think>b</think>I go.", "I go."),
        ("<think>a</thinking>I <think>b</think>go.", "I go."),
        ("<thought>I go.", "<thought>I go."),
        ("I think that <thoughtful> is no mark.", "I think that <thoughtful> is no mark."),
        ("I write `<think>` and '</think>'.", "I write `<think>` and '</think>'."),
        ("<think/>I go.", "<think/>I go."),
        ("I go.<|end|>", "I go.<|end|>"),
        ("Hm.</think>I go.</think>\n", "I go.\n"),
        ("Hm.</think>I go.</think>\n</think>", "I go.\n"),
        ("<think>Hm.</think>I go.</think>", "I go."),
        ("Hm.</think></think>I go.", "I go."),
        (
            "<details><summary>Map</summary>a</details>",
            "<details><summary>Map</summary>a</details>",
        ),
        ("Here is my response: I go.", "Here is my response: I go."),
    ],
)
def test_thoughts_are_left_out_wherever_they_stand(message: str, said: str) -> None:
    assert without_thoughts(message) == said


def test_marks_that_only_prompts_ask_for_can_be_kept() -> None:
    message = "<thought>a</thought>I <think>b</think>go."
    assert without_thoughts(message, only_trained=True) == "<thought>a</thought>I go."


@pytest.mark.parametrize("message", ["<think>Hm. [THINK]", "<|channel|>analysis<|message|>Hm."])
def test_marks_can_be_undone(message: str) -> None:
    harmless = without_marks(message) + " I go."
    assert without_thoughts(harmless) == harmless
