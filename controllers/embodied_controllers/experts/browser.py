"""An expert that solves MiniWoB++ tasks by writing Python, from the text of the pages alone.

It does not know the kind of task: the instruction's wording decides which script is played. Where
it knows none, it gives up.
"""

from __future__ import annotations

from collections.abc import Generator

from embodied.policies.expert import ExpertStep
from embodied_controllers.experts.browser_forms import FORMS
from embodied_controllers.experts.browser_mail import MAIL
from embodied_controllers.experts.browser_page import Page
from embodied_controllers.experts.browser_search import SEARCHES

SCRIPTS = (*FORMS, *SEARCHES, *MAIL)
"""Patterns of instructions, each with its script. The first one that fits counts."""


def solve(text: str) -> Generator[ExpertStep, str, None]:
    """Yield code actions; each yield receives what the action printed.

    Args:
        text: the first observation: the instruction, and the page.

    Raises:
        LookupError: no script knows the instruction, or the page lacks what it names.
    """
    page = Page(text)
    for wording, script in SCRIPTS:
        match = wording.fullmatch(page.task)
        if match:
            yield from script(page, *match.groups())
            return
    raise LookupError(f"no script for: {page.task}")
