"""Writes a tiny model that sees, with random weights, as a Hugging Face folder.

    python tiny_vision_model.py FOLDER

For an interpreter with torch and transformers. The model is an Idefics 3, which vLLM serves without
torchvision: its words are bytes, its eyes see pictures of 56 pixels a side in four patches.
"""

from __future__ import annotations

import sys
from pathlib import Path

TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>"
    "{% if message.content is string %}{{ message.content }}{% else %}"
    "{% for part in message.content %}"
    "{% if part.type == 'text' %}{{ part.text }}{% else %}<image>{% endif %}"
    "{% endfor %}{% endif %}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = [
    *("<|end|>", "<image>", "<fake_token_around_image>", "<end_of_utterance>", "<global-img>"),
    *("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"),
]
SIDE, PATCH, SCALE, WIDTH = 56, 14, 2, 64


def write(folder: Path) -> None:
    """Write weights, configuration, tokenizer, chat template and what prepares pictures."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    torch.manual_seed(0)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {word: number for number, word in enumerate([*SPECIAL, *alphabet])}
    raw = Tokenizer(models.BPE(words, []))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token="<|end|>",
        pad_token="<|end|>",
        additional_special_tokens=SPECIAL[1:],
    )
    config = transformers.Idefics3Config(
        vision_config=transformers.Idefics3VisionConfig(
            hidden_size=WIDTH,
            intermediate_size=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=SIDE,
            patch_size=PATCH,
        ),
        text_config=transformers.LlamaConfig(
            vocab_size=len(words),
            hidden_size=WIDTH,
            intermediate_size=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=16384,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=0,
        ),
        image_token_id=words["<image>"],
        pad_token_id=0,
        scale_factor=SCALE,
        tie_word_embeddings=False,
    )
    model = transformers.Idefics3ForConditionalGeneration(config)
    model.to(torch.bfloat16).save_pretrained(folder)
    eyes = transformers.Idefics3ImageProcessorPil(
        size={"longest_edge": SIDE}, max_image_size={"longest_edge": SIDE}
    )
    transformers.Idefics3Processor(
        eyes, tokenizer, image_seq_len=(SIDE // PATCH // SCALE) ** 2, chat_template=TEMPLATE
    ).save_pretrained(folder)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
