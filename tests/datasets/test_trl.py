"""TRL's pipeline for supervised tuning puts the loss on exactly the turns that are kept.

TRL and PyTorch have an environment of their own, see `make test-formats`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embodied.datasets import build
from embodied.trajectory import TokenRecord, Trajectory
from tests.datasets.runs import episode, turn, write_run

trl = pytest.importorskip("trl", reason="needs: make test-formats")

UNTRAINED = -100
_END = "<|im_end|>"
TEMPLATE = """\
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.train %}
{%- generation %}{{- message.content + '<|im_end|>' }}{%- endgeneration %}
{%- else %}
{{- message.content + '<|im_end|>' }}
{%- endif %}
{{- '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """A tokenizer with a token for each byte, and a chat template with generation marks."""
    import tokenizers
    import transformers

    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    vocabulary = {letter: number for number, letter in enumerate(sorted(alphabet))}
    model = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, merges=[]))
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = tokenizers.decoders.ByteLevel()
    made = transformers.PreTrainedTokenizerFast(
        tokenizer_object=model, eos_token=_END, pad_token="<pad>", bos_token="<|im_start|>"
    )
    made.chat_template = TEMPLATE
    return made


def recorded(tokenizer: Any) -> Iterator[Trajectory]:
    """Episodes with the token ids that a server with this tokenizer would have recorded."""
    for number, kinds in enumerate((["ok", "error", "ok"], ["bad", "ok"], ["ok"])):
        played = episode(f"t{number}", [turn(kind, f"go {kind} {number}") for kind in kinds])
        messages = [message.model_dump() for message in played.prompt]
        for each in played.turns:
            prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True)
            prompt = getattr(prompt, "input_ids", prompt)
            written = tokenizer(each.message + _END, add_special_tokens=False)["input_ids"]
            each.tokens = TokenRecord(prompt_ids=list(prompt), completion_ids=written)
            messages += [message.model_dump() for message in each.messages]
        yield played


def batch(tokenizer: Any, folder: Path, rows: list[dict[str, Any]], **options: Any) -> list[Any]:
    """What TRL makes of rows: for each, ids and labels without padding."""
    import datasets
    import transformers

    tiny = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 1}
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), num_hidden_layers=1, num_key_value_heads=1, **tiny
    )
    trainer = trl.SFTTrainer(
        model=transformers.LlamaForCausalLM(config),
        args=trl.SFTConfig(str(folder), report_to=[], use_cpu=True, bf16=False, **options),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    prepared = trainer.data_collator([trainer.train_dataset[n] for n in range(len(rows))])
    lengths = [int(mask.sum()) for mask in prepared["attention_mask"]]
    return [
        (ids[:length].tolist(), labels[:length].tolist())
        for ids, labels, length in zip(
            prepared["input_ids"], prepared["labels"], lengths, strict=True
        )
    ]


def test_the_loss_is_on_the_kept_turns(tokenizer: Any, tmp_path: Path) -> None:
    data = build(write_run(tmp_path / "run", recorded(tokenizer)))
    own = [(row["input_ids"], row["labels"]) for row in data.rows("tokens")]
    by_template = batch(
        tokenizer,
        tmp_path / "chat",
        [{"messages": row["messages"]} for row in data.rows("chat")],
        assistant_only_loss=True,
    )
    newline = tokenizer("\n", add_special_tokens=False)["input_ids"]
    assert [(ids, labels) for ids, labels in by_template] == [
        (ids + newline, labels + [UNTRAINED] * len(newline)) for ids, labels in own
    ]


def test_prompts_and_completions_have_the_same_loss(tokenizer: Any, tmp_path: Path) -> None:
    data = build(write_run(tmp_path / "run", recorded(tokenizer)))
    rows = [{k: row[k] for k in ("prompt", "completion")} for row in data.rows("prompt-completion")]
    found = batch(tokenizer, tmp_path / "pairs", rows)
    completions = [[i for i in labels if i != UNTRAINED] for _, labels in found]
    turns = [
        each.tokens.completion_ids
        for episode_ in data.parts["train"]
        for each in episode_.trajectory.turns
        if each.tokens and each.error is None and not each.format_error
    ]
    newline = tokenizer("\n", add_special_tokens=False)["input_ids"]
    assert completions == [ids + newline for ids in turns]


def test_our_own_ids_pass_through(tokenizer: Any, tmp_path: Path) -> None:
    data = build(write_run(tmp_path / "run", recorded(tokenizer)))
    rows = [
        {name: row[name] for name in ("input_ids", "labels", "attention_mask")}
        for row in data.rows("tokens")
    ]
    found = batch(tokenizer, tmp_path / "ids", rows)
    assert found == [(row["input_ids"], row["labels"]) for row in rows]
