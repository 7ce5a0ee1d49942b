"""Code actions: the policy writes Python that calls the controller's functions."""

from __future__ import annotations

import inspect
import re
import textwrap

from embodied.controller import ActionSpec, Controller

_TAGGED = re.compile(r"<execute>(.*?)(?:</execute>|\Z)", re.DOTALL)
_FENCED = re.compile(r"^```(?:python|py)?[ \t]*\n(.*?)(?:^```|\Z)", re.DOTALL | re.MULTILINE)


def document(controller: type[Controller]) -> str:
    """The Python stub of a controller: signatures and docstrings, nothing else."""
    return "\n\n".join(_stub(spec) for spec in controller.actions().values())


def _stub(spec: ActionSpec) -> str:
    quoted = f'"""{spec.documentation}"""'
    return f"def {spec.name}{_bare(spec.signature)}:\n{textwrap.indent(quoted, '    ')}"


def _bare(signature: inspect.Signature) -> str:
    return str(signature).replace("'", "")


def parse(message: str) -> str | None:
    """The code of a message: all `<execute>` blocks, else all Markdown fences; None: no code.

    Several blocks run as one, joined by a newline. A block that the message leaves open, as at a
    token limit, ends with the message.
    """
    blocks = _TAGGED.findall(message) or _FENCED.findall(message)
    code = "\n".join(textwrap.dedent(block).strip() for block in blocks)
    return code or None


def example(controller: type[Controller]) -> str:
    """A line of code that calls the controller: an action without arguments, if it has one."""
    specs = list(controller.actions().values())
    simple = [spec for spec in specs if not _required(spec)]
    spec = (simple or specs)[0]
    return f"print({spec.name}({', '.join(_required(spec))}))"


def _required(spec: ActionSpec) -> list[str]:
    empty = inspect.Parameter.empty
    return [name for name, p in spec.signature.parameters.items() if p.default is empty]


def tagged(message: str, tag: str) -> list[str]:
    """The texts between `<tag>` and `</tag>`, in order; one left open does not count."""
    start, end = f"<{tag}>", f"</{tag}>"
    found: list[str] = []
    position = message.find(start)
    while position >= 0:
        close = message.find(end, position)
        if close < 0:
            break
        found.append(message[position + len(start) : close])
        position = message.find(start, close)
    return found


def render(thought: str, code: str) -> str:
    """A message that `parse` reads back: the thought in words, then the code."""
    return f"{thought}\n<execute>\n{code}\n</execute>"
