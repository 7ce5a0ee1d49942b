"""What the scripts of the browser's expert are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable

from embodied.policies.expert import ExpertStep
from embodied_controllers.experts.browser_page import Element, Page

Plans = Generator[ExpertStep, str, None]
Script = Callable[..., Plans]
"""Takes the first page and the groups of the pattern."""
Table = tuple[tuple[re.Pattern[str], Script], ...]


def table(*rows: tuple[str, Script]) -> Table:
    """Compile patterns of instructions, each with its script."""
    return tuple((re.compile(pattern), script) for pattern, script in rows)


def do(thought: str, *calls: str) -> ExpertStep:
    """Make a plan of some calls, which prints the last page."""
    return ExpertStep(thought, "\n".join([*calls[:-1], f"print({calls[-1]})"]))


def click(*refs: int) -> list[str]:
    """Make calls that click on elements, as a loop where they are many."""
    if len(refs) < 3:
        return [f"click({ref})" for ref in refs]
    return [f"for ref in {list(refs)}:\n    click(ref)"]


def acts(thought: str, *calls: str) -> Plans:
    """Yield the plan of a script that needs only one."""
    yield do(thought, *calls)


def submit(page: Page) -> str:
    """Return the call that clicks on the page's button for the end."""
    return f"click({page.every('button')[-1].ref})"


def refs(elements: Iterable[Element]) -> list[int]:
    """Return the numbers of elements."""
    return [element.ref for element in elements]
