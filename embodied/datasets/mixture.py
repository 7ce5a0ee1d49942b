"""Mixing a dataset with general conversations, by shares of tokens."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydantic_core import to_json

from embodied.datasets.build import EPISODES
from embodied.datasets.card import CARD, CARD_FOR_PEOPLE, FormatRecord, read_card
from embodied.datasets.columns import ColumnType
from embodied.datasets.conversation import Line, Training
from embodied.datasets.figures import read_figures
from embodied.datasets.files import Row, new_folder, read_line_at, read_lines, write_rows
from embodied.datasets.formats.base import Shape, to_chat
from embodied.datasets.formats.chat import Chat
from embodied.datasets.general import conversation_of
from embodied.datasets.mixture_card import IngredientRecord, MixtureCard, render
from embodied.datasets.splitting import TRAIN, VALIDATION
from embodied.datasets.tokenizer import TokenCounter, token_counter
from embodied.errors import ConfigError, DataError

_SHARE = re.compile(r"(.+):((?:0?\.[0-9]+|[01](?:\.0*)?|0\.[0-9]+))")
_AMOUNT = re.compile(r"([0-9]{1,12}(?:\.[0-9]+)?)([kmb]?)", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
_NAME = "chat"


def mix(
    inputs: Sequence[str | Path],
    out: str | Path,
    *,
    tokens: str | int | None = None,
    tokenizer: str | None = None,
    seed: int = 0,
) -> MixtureCard:
    """Mix conversations into `chat/train.jsonl` of a new folder, shuffled, none of them twice.

    Args:
        inputs: folders that `build` wrote with the format chat, and files of JSON lines in the
            shapes of OpenOrca, ShareGPT, CapyBara or chat; each with `:SHARE` of the tokens, or
            without: these share the rest by their sizes.
        out: the new folder.
        tokens: of all together, such as `10M`; None: as many as the shares allow.
        tokenizer: counts tokens: a folder or a name for transformers; None: characters / 4.
        seed: draws the rows and their order.

    Raises:
        ConfigError: an option is wrong, or the folder is there already.
        DataError: a file cannot be read, an input has too few tokens for its share, or trains on
            what another one holds out.
    """
    wanted = None if tokens is None else _amount(tokens)
    counter = token_counter(tokenizer)
    _check_inputs([_parsed(text)[0] for text in inputs])
    ingredients = [_read(number, text, counter) for number, text in enumerate(inputs)]
    shares = _shares(ingredients)
    total = _total(ingredients, shares, wanted)
    targets = [(one, share * total) for one, share in zip(ingredients, shares, strict=True)]
    drawn = [_drawn(one, target, seed) for one, target in targets]
    with new_folder(Path(out)) as folder:
        file = folder / _NAME / "train.jsonl"
        file.parent.mkdir()
        shape = Shape(
            any(one.tools for one in ingredients), any(one.thoughts for one in ingredients)
        )
        columns = _columns(shape)
        rows = write_rows(file, _rows(ingredients, drawn, shape, seed), columns, parquet=False)
        card = MixtureCard(
            embodied_version=importlib.metadata.version("embodied-codeact"),
            seed=seed,
            tokenizer=counter.name,
            ingredients=_records(ingredients, shares, drawn),
            formats={
                _NAME: FormatRecord(
                    files={TRAIN: f"{_NAME}/train.jsonl"},
                    rows={TRAIN: rows},
                    columns=columns,
                    note=Chat(Training(), shape).note,
                )
            },
        )
        (folder / CARD).write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
        (folder / CARD_FOR_PEOPLE).write_text(render(card), encoding="utf-8")
    return card


@dataclass
class _Ingredient:
    name: str
    file: Path
    share: float | None
    """Of the tokens, as given."""
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    """Of the lines that can be used."""
    tokens: array[int] = field(default_factory=lambda: array("Q"))
    trained: array[int] = field(default_factory=lambda: array("Q"))
    """Tokens that are trained on."""
    unusable: int = 0
    tools: bool = False
    thoughts: bool = False

    @property
    def total(self) -> int:
        """Tokens of all its rows."""
        return sum(self.tokens)

    def add(self, offset: int, lines: Sequence[Line], counter: TokenCounter) -> None:
        if not lines:
            self.unusable += 1
            return
        counts = [sum(map(counter.count, _texts(line))) for line in lines]
        self.offsets.append(offset)
        self.tokens.append(sum(counts))
        self.trained.append(sum(n for n, line in zip(counts, lines, strict=True) if line.trained))
        self.tools |= any(line.message.tool_calls for line in lines)
        self.thoughts |= any(line.thoughts for line in lines)


class _Drawn(NamedTuple):
    numbers: list[int]
    """Of the rows of an ingredient, in the order in which they were drawn."""
    tokens: int
    trained: int


def _texts(line: Line) -> Iterator[str]:
    yield line.text
    yield from (call.name + call.arguments for call in line.message.tool_calls)
    yield line.thoughts or ""


def _amount(tokens: str | int) -> int:
    found = _AMOUNT.fullmatch(str(tokens))
    amount = int(float(found[1]) * _UNITS[found[2].lower()]) if found else 0
    if not amount:
        raise ConfigError(f"--tokens takes a number such as 500k or 10M, not {tokens!r}")
    return amount


def _parsed(text: str | Path) -> tuple[Path, float | None]:
    """Read `PATH` or `PATH:SHARE`."""
    found = _SHARE.fullmatch(str(text))
    path, share = (Path(found[1]), float(found[2])) if found else (Path(text), None)
    if share is not None and not 0 < share < 1:
        raise ConfigError(f"the share of {path} must be between 0 and 1, not {share:g}")
    return path, share


def _read(number: int, text: str | Path, counter: TokenCounter) -> _Ingredient:
    """Go through an input once, keeping only where its rows are and how long they are."""
    path, share = _parsed(text)
    file = _chat_file(path) if path.is_dir() else path
    ingredient = _Ingredient(path.name, file, share)
    for line, (offset, row) in enumerate(read_lines(file), start=1):
        ingredient.add(offset, conversation_of(row, f"{file}, row {line}"), counter)
    if not ingredient.tokens:
        raise DataError(f"{path} has no conversation that can be trained on")
    return ingredient


def _chat_file(folder: Path) -> Path:
    file = folder / _NAME / f"{TRAIN}.jsonl"
    if not (folder / EPISODES).is_file() or not file.is_file():
        raise DataError(
            f"{folder} is no dataset with the file {_NAME}/{TRAIN}.jsonl; build it with "
            f"--format {_NAME}, or name a file of JSON lines"
        )
    return file


def _check_inputs(paths: Sequence[Path]) -> None:
    """Refuse inputs that are named twice, and datasets that train on what another one holds out."""
    if not paths:
        raise ConfigError("name at least one input to mix")
    places = [path.resolve() for path in paths]
    for path in places:
        if places.count(path) > 1:
            raise ConfigError(f"{path} is named twice; its conversations would be there twice")
    datasets = [path for path in paths if (path / EPISODES).is_file()]
    for holding in datasets:
        holdout = read_card(holding).recipe.holdout
        if holdout is not None:
            for training in datasets:
                _check_held_out(holding, training, holdout.partition("=")[0])


def _check_held_out(holding: Path, training: Path, unit: str) -> None:
    episodes = read_figures(holding / EPISODES)
    held = {each.unit(unit) for each in episodes if each.part == VALIDATION}
    for each in read_figures(training / EPISODES):
        if each.part == TRAIN and each.unit(unit) in held:
            raise DataError(
                f"{training} trains on {each.id}, of the {unit} {each.unit(unit)[1]!r}, which "
                f"{holding} holds out; build one dataset of all these runs"
            )


def _shares(ingredients: Sequence[_Ingredient]) -> list[float]:
    """Fill in the shares that are not given: they have what is left, by their tokens."""
    given = sum(one.share for one in ingredients if one.share is not None)
    others = sum(one.total for one in ingredients if one.share is None)
    complete = abs(given - 1) < 1e-9
    if complete == bool(others) or given > 1 + 1e-9:
        raise ConfigError(
            f"the shares add up to {given:g}; together they must be 1, or less where an input is "
            "named without a share, which then has the rest"
        )
    rest = (1 - given) / others if others else 0
    return [one.total * rest if one.share is None else one.share for one in ingredients]


def _total(
    ingredients: Sequence[_Ingredient], shares: Sequence[float], wanted: int | None
) -> float:
    """Return how many tokens to take, where no row is taken twice."""
    most = [one.total / share for one, share in zip(ingredients, shares, strict=True)]
    if wanted is None or wanted <= min(most) + 1:
        return min(most) if wanted is None else wanted
    number = most.index(min(most))
    scarce = ingredients[number]
    raise DataError(
        f"{scarce.name} has {scarce.total:,} tokens, and its share of {shares[number]:.3g} of "
        f"{wanted:,} would be {shares[number] * wanted:,.0f}; take at most --tokens "
        f"{min(most):.0f}, a smaller share, or more data"
    )


def _drawn(ingredient: _Ingredient, target: float, seed: int) -> _Drawn:
    """Draw rows until they have the tokens, as nearly as whole rows allow."""
    order = sorted(range(len(ingredient.tokens)), key=lambda n: _hash(seed, ingredient.name, n))
    numbers, tokens, trained = list[int](), 0, 0
    for number in order:
        length = ingredient.tokens[number]
        if tokens + length / 2 > target + 0.5:
            break
        numbers.append(number)
        tokens += length
        trained += ingredient.trained[number]
    if not numbers:
        raise DataError(
            f"the share of {ingredient.name} comes to {target:.0f} tokens, less than half a row; "
            "take more --tokens or a larger share"
        )
    return _Drawn(numbers, tokens, trained)


def _hash(seed: int, *what: object) -> bytes:
    """Order rows by a hash: the choice is the same with any release of Python."""
    return hashlib.sha256(repr((seed, *what)).encode()).digest()


def _columns(shape: Shape) -> dict[str, ColumnType]:
    messages: ColumnType = [{**Chat(Training(), shape).message_type(), "train": "bool"}]
    tools: dict[str, ColumnType] = {"tools": "string"} if shape.tools else {}
    return {"id": "string", "source": "string", "messages": messages, **tools}


def _rows(
    ingredients: Sequence[_Ingredient], drawn: Sequence[_Drawn], shape: Shape, seed: int
) -> Iterator[Row]:
    """Yield what was drawn, shuffled, each row read from its place."""
    chosen = [(which, number) for which, one in enumerate(drawn) for number in one.numbers]
    chosen.sort(key=lambda row: _hash(seed, "order", *row))
    with ExitStack() as stack:
        files = [stack.enter_context(one.file.open("rb")) for one in ingredients]
        for which, number in chosen:
            one = ingredients[which]
            row = read_line_at(files[which], one.offsets[number])
            lines = conversation_of(row, f"{one.file}, row {number + 1}")
            messages = [{**to_chat(line), "train": line.trained} for line in lines]
            tools = {"tools": _tools(row)} if shape.tools else {}
            id_ = f"{one.name}/{row.get('id', number)}"
            yield {"id": id_, "source": one.name, "messages": messages, **tools}


def _tools(row: Row) -> str | None:
    """Return the functions of a row as a JSON text, as which some data sets have them."""
    tools = row.get("tools")
    return tools if tools is None or isinstance(tools, str) else to_json(tools).decode()


def _records(
    ingredients: Iterable[_Ingredient], shares: Iterable[float], drawn: Sequence[_Drawn]
) -> list[IngredientRecord]:
    rows = sum(len(one.numbers) for one in drawn)
    tokens = sum(one.tokens for one in drawn)
    trained = sum(one.trained for one in drawn)
    return [
        IngredientRecord(
            name=one.name,
            wanted_share=share,
            rows_there=len(one.tokens),
            rows_unusable=one.unusable,
            tokens_there=one.total,
            rows=len(found.numbers),
            tokens=found.tokens,
            trained_tokens=found.trained,
            row_share=len(found.numbers) / rows,
            token_share=found.tokens / tokens,
            trained_share=found.trained / trained if trained else 0.0,
        )
        for one, share, found in zip(ingredients, shares, drawn, strict=True)
    ]
