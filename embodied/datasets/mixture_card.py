"""The card of a mixture: what is in it, and with which shares."""

from __future__ import annotations

from collections.abc import Iterator

from embodied.datasets.card import CARD, CARD_VERSION, FormatRecord, files_section, head, table
from embodied.trajectory import Record


class IngredientRecord(Record):
    """One input of a mixture."""

    name: str
    wanted_share: float
    """Of the tokens."""
    rows_there: int
    """Conversations that could be used."""
    rows_unusable: int
    """Rows without text, without anything to train on, or with unknown roles."""
    tokens_there: int
    rows: int
    """Conversations that were taken."""
    tokens: int
    trained_tokens: int
    row_share: float
    token_share: float
    trained_share: float
    """Of the tokens that are trained on."""


class MixtureCard(Record):
    """All that is to be known of a mixture."""

    card_version: int = CARD_VERSION
    embodied_version: str
    seed: int
    tokenizer: str
    """What counted the tokens."""
    ingredients: list[IngredientRecord]
    formats: dict[str, FormatRecord]


def render(card: MixtureCard) -> str:
    """Write the card for people, with a head for Hugging Face's hub and `datasets`."""
    rows = sum(one.rows for one in card.ingredients)
    lines = [
        "# A mixture of conversations",
        "",
        f"Made by embodied {card.embodied_version}, seed {card.seed}. {CARD} says the same for "
        "machines.",
        "",
        f"Tokens: {card.tokenizer}.",
        "",
        *table(MIXTURE_HEADINGS, mixture_rows(card)),
        *files_section(card.formats),
    ]
    return head(card.formats, rows) + "\n".join(lines)


MIXTURE_HEADINGS = (
    *("source", "rows", "of", "unusable", "tokens", "of", "token share", "trained share"),
    "row share",
)


def mixture_rows(card: MixtureCard) -> Iterator[tuple[str, ...]]:
    """Yield the cells of a table of the inputs."""
    for one in card.ingredients:
        yield (
            *(one.name, f"{one.rows:,}", f"{one.rows_there:,}", f"{one.rows_unusable:,}"),
            *(f"{one.tokens:,}", f"{one.tokens_there:,}", f"{one.token_share:.1%}"),
            *(f"{one.trained_share:.1%}", f"{one.row_share:.1%}"),
        )
