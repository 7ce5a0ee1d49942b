"""Makes games in a process that `generate` starts; reads their specifications (JSON) from stdin."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embodied_envs.textworld.game import Game
from embodied_envs.textworld.story import NOTES, STORY

ATTEMPTS = 20
"""Seeds that are tried for one game: some give no quest, or a walkthrough that does not win."""

_SERIAL = slice(0x12, 0x18)
"""Where a story's header holds the day of its making."""


def main() -> None:
    """Make the specified games; the last line on standard error says what was wrong."""
    request = json.load(sys.stdin)
    for spec in request["specs"]:
        _make(spec, Path(request["scratch"]), Path(request["out"]))


def _make(spec: Mapping[str, Any], scratch: Path, out: Path) -> None:
    problem: Exception = ValueError("no walkthrough wins")
    for attempt in range(ATTEMPTS):
        try:
            story = _compiled(spec, _seed(f"{spec['seed']}/{attempt}"), scratch)
        except OSError as error:
            problem = error
            break
        except Exception as error:
            problem = error
            continue
        if _is_proven(story, spec):
            for name in (story.with_suffix(NOTES), story):
                name.replace(out / name.name)
            return
    raise SystemExit(f"{spec['name']}: {type(problem).__name__}: {problem}".replace("\n", " "))


def _seed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _compiled(spec: Mapping[str, Any], seed: int, scratch: Path) -> Path:
    import textworld

    options = textworld.GameOptions()
    options.seeds = seed
    options.file_ext = STORY
    options.path = os.fspath((scratch / f"{spec['name']}{STORY}").absolute())
    options.force_recompile = True
    game = _game(spec["challenge"], spec["settings"], options, seed)
    return Path(textworld.generator.compile_game(game, options))


def _game(challenge: str, settings: Mapping[str, Any], options: Any, seed: int) -> Any:
    import textworld
    import textworld.challenges

    if challenge == "custom":
        options.nb_rooms, options.nb_objects = settings["rooms"], settings["objects"]
        options.quest_length = settings["quest_length"]
        return textworld.generator.make_game(options)
    _, make, _ = textworld.challenges.CHALLENGES[f"tw-{challenge}"]
    more = {"test": False, "split": None, "recipe_seed": seed}
    return make({**more, **settings}, options)


def _is_proven(story: Path, spec: Mapping[str, Any]) -> bool:
    """Return whether the walkthrough wins the game.

    The notes beside the story are told what it was made of, and the walkthrough up to the victory.
    """
    notes = story.with_suffix(NOTES)
    data = json.loads(notes.read_text())
    content = bytearray(story.read_bytes())
    content[_SERIAL] = b"000000"
    story.write_bytes(content)
    wins = _winning(story, data["metadata"].get("walkthrough") or [])
    data["metadata"] |= {"walkthrough": wins, "origin": dict(spec)}
    notes.write_text(json.dumps(data))
    return bool(wins)


def _winning(story: Path, walkthrough: list[str]) -> list[str]:
    game = Game()
    try:
        game.load(story, 0)
        for number, command in enumerate(walkthrough, start=1):
            reached = game.step(command)
            if reached is not None and reached.won:
                return walkthrough[:number]
    finally:
        game.close()
    return []


if __name__ == "__main__":
    main()
