"""The tasks: which pages there are, in which splits, and with which seeds."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
from pathlib import Path

from embodied._util.suggestion import suggestion
from embodied.errors import ConfigError, DataError

_PAPER = """
choose-list click-button-sequence click-button click-checkboxes-large click-checkboxes-soft
click-checkboxes-transfer click-checkboxes click-collapsible-2 click-collapsible click-color
click-dialog-2 click-dialog click-link click-menu click-option click-scroll-list click-shades
click-shape click-tab-2-hard click-tab-2 click-tab click-test-2 click-test click-widget count-shape
email-inbox-forward-nl-turk email-inbox-forward-nl email-inbox-nl-turk email-inbox enter-date
enter-password enter-text-dynamic enter-text enter-time focus-text-2 focus-text grid-coordinate
login-user navigate-tree search-engine simple-algebra social-media-all social-media-some
social-media terminal use-spinner
"""
PAPER = tuple(_PAPER.split())
"""The 46 tasks of CodeAct's evaluation (arXiv 2402.01030), which took them from AgentTuning (arXiv
2310.12823; THUDM/AgentTuning, eval_heldout/miniwob++/available_tasks.txt)."""

_RELOADED = """
book-flight book-flight-nodelay choose-date choose-date-easy choose-date-medium
choose-date-nodelay click-dialog click-dialog-2 click-menu click-menu-2 drag-cube drag-items
drag-items-grid drag-sort-numbers draw-circle draw-line find-word form-sequence form-sequence-3
hot-cold moving-items navigate-tree order-food scroll-text scroll-text-2 search-engine simon-says
stock-market text-editor tic-tac-toe use-autocomplete use-autocomplete-nodelay use-colorwheel
use-colorwheel-2 use-slider use-slider-2 use-spinner
"""
RELOADED = frozenset(_RELOADED.split())
"""Pages that keep something of an episode: a listener, a class, the order of a list. They are
loaded anew for each. The others are, after other episodes, as they were when they were loaded."""

SPLITS = ("paper", "all")
"""`all`: every page of the package but its flight tasks, which need an HTTP server."""


def pages() -> Path:
    """Find the folder of the package's pages.

    Raises:
        ConfigError: the package is not installed.
    """
    found = importlib.util.find_spec("miniwob")
    if found is None or found.origin is None:
        raise ConfigError(
            "the environment 'miniwob' needs the package 'miniwob', which is not installed; "
            "install it with: pip install 'embodied-codeact[miniwob]'"
        )
    return Path(found.origin).parent / "html" / "miniwob"


def page(kind: str) -> Path:
    """Return the page of a kind of task.

    Raises:
        DataError: there is none.
    """
    if kind not in kinds("all"):
        raise DataError(f"miniwob has no task {kind!r}{suggestion(kind, kinds('all'))}")
    return pages() / f"{kind}.html"


def kinds(split: str) -> list[str]:
    """List the kinds of task in a split, sorted.

    Raises:
        ConfigError: there is no such split.
    """
    if split not in SPLITS:
        raise ConfigError(f"miniwob has no split {split!r}; there are: {', '.join(SPLITS)}")
    return sorted(PAPER) if split == "paper" else _all()


@functools.cache
def _all() -> list[str]:
    return sorted(path.stem for path in pages().glob("*.html"))


def version(split: str) -> dict[str, str]:
    """Return the package's version, the number of pages, and a hash over pages and scripts."""
    folder = pages()
    shared = sorted(p for name in ("core", "common") for p in (folder.parent / name).rglob("*"))
    digest = hashlib.sha256()
    for path in [*(page(kind) for kind in kinds(split)), *shared]:
        if path.is_file():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return {
        "miniwob": importlib.metadata.version("miniwob"),
        "pages": str(len(kinds(split))),
        "sha256": digest.hexdigest(),
    }
