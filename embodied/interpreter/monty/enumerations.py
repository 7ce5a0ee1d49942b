"""The robot's enumerations as classes of a session, in source text that Monty can run.

A session is given them at its beginning. The host is told by which identity the worker knows each
member, so that it can answer calls with them: a member is the same object throughout a session.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from embodied.interpreter.monty import polyfills
from embodied.plan_types import PlanType

_CLASS = """\
class {name}:
    def __init__(self, value):
        value = value.value if type(value) is {name} else value
        names = [name for name, other in {members!r} if other == value]
        if not names:
            raise ValueError(f"{{value!r}} is not a valid {name}")
        self.name = names[0]
        self.value = value
    def __repr__(self):
        return f"<{name}.{{self.name}}: {{self.value!r}}>"
    def __str__(self):
        return f"{name}.{{self.name}}"
    def __hash__(self):
        return hash(self.name)
    def __eq__(self, other):
        return type(other) is {name} and self.name == other.name
"""


def member_names(types: Sequence[PlanType]) -> list[tuple[str, str]]:
    """List the names of all types and members, in the order in which the code lists them."""
    return [(known.name, name) for known in types for name in known.members]


def code(types: Sequence[PlanType]) -> str:
    """Write code that defines the classes and ends with a list of their members."""
    function = polyfills.global_name("enumerations")
    body = "".join(map(_definition, types))
    members = ", ".join(f"{kind}.{name}" for kind, name in member_names(types))
    body = textwrap.indent(f"{body}return [{members}]", "    ")
    return f"def {function}():\n{body}\n{function}()"


def _definition(known: PlanType) -> str:
    members = list(known.members.items())
    lines, first = [_CLASS.format(name=known.name, members=members)], dict[str, str]()
    for name, value in members:
        same = next((other for other, v in members if v == value and other in first), None)
        made = f"{known.name}.{same}" if same else f"{known.name}({value!r})"
        first[name] = made
        lines.append(f"{known.name}.{name} = {made}\n")
    return "".join(lines)
