"""`embodied run --fresh`: a new run in the place of an old one."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.prompt import Confirm

from embodied.errors import RunError
from embodied.store import open_run
from embodied.store.layout import delete_run, is_run, prepare_folder


def replace_run(folder: Path, *, sure: bool) -> None:
    """Delete the run in a folder, if there is one, after asking.

    Args:
        folder: where a new run is to be.
        sure: whether to delete without asking.

    Raises:
        RunError: the folder holds something else than a run, or the answer was no.
    """
    prepare_folder(folder)
    if not is_run(folder):
        return
    if not (sure or _confirmed(folder)):
        raise RunError(
            f"the run in {folder} is kept; choose another folder with --out, or delete the run "
            "without being asked with --yes"
        )
    delete_run(folder)


def _confirmed(folder: Path) -> bool:
    episodes = len(open_run(folder).finished())
    question = f"Delete the run in {escape(str(folder))} with {episodes:,} episodes?"
    try:
        return Confirm.ask(question, console=Console(stderr=True, soft_wrap=True), default=False)
    except EOFError:
        return False
