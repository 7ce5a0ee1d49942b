"""Arguments of calls: by position or by name, and as JSON."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

from pydantic_core import to_jsonable_python

from embodied.action_formats.format import Call
from embodied.controller import Controller


def to_positional(controller: type[Controller], call: Call) -> Call:
    """Place those arguments of a call by position whose parameters cannot be given by name.

    A call that cannot be put so, as it leaves out a required argument, stays as it is.
    """
    spec = controller.actions().get(call.name)
    parameters = spec.signature.parameters.values() if spec else ()
    first = [p for p in parameters if p.kind is p.POSITIONAL_ONLY][len(call.args) :]
    count = max((i + 1 for i, p in enumerate(first) if p.name in call.kwargs), default=0)
    args = [call.kwargs.get(p.name, p.default) for p in first[:count]]
    if any(value is inspect.Parameter.empty for value in args):
        return call
    moved = {p.name for p in first[:count]}
    kwargs = {name: value for name, value in call.kwargs.items() if name not in moved}
    return replace(call, args=(*call.args, *args), kwargs=kwargs)


def to_named(controller: type[Controller], call: Call) -> dict[str, Any]:
    """Name the arguments of a call, with values as JSON holds them: dataclasses and models as
    objects, enumerations as their values.

    Raises:
        ValueError: a value cannot be written as JSON, or an argument has no name.
    """
    named = call.kwargs
    if call.args:
        spec = controller.actions().get(call.name)
        if spec is None:
            raise ValueError(f"there is no action {call.name!r} that names its arguments")
        try:
            named = spec.signature.bind_partial(*call.args, **call.kwargs).arguments
        except TypeError as error:
            raise ValueError(f"{call.name}(): {error}. Its signature is {spec}") from None
    return {name: to_jsonable_python(value) for name, value in named.items()}
