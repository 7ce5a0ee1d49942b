"""Reads what a server says of an error, in whichever shape it says it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MESSAGES = ("message", "msg", "detail", "error", "title")
_WRAPPINGS = ("error", "errors", "message", "detail")
_NOTHING = "nothing said"
_MAX_CHARACTERS = 5000


@dataclass(frozen=True)
class ErrorBody:
    """What the body of an error says."""

    text: str
    """The whole body."""
    message: str = _NOTHING
    """The sentence for people, as it came."""
    codes: tuple[str, ...] = ()
    """The server's names for the error."""
    status: int | None = None
    """The HTTP status that the body names, which may come with a status of success."""
    parameter: str | None = None
    """The request's parameter that is wrong."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of another server that a gateway quotes."""
    generated: str | None = None
    """What the model wrote, where the server calls that an error (Groq)."""


def read_error(body: str) -> ErrorBody:
    """Read a body, which may be an object, a list with one, an object as text in one, or text."""
    try:
        fields = _innermost(json.loads(body))
    except (ValueError, RecursionError):
        return ErrorBody(body, body.strip()[:_MAX_CHARACTERS] or _NOTHING)
    generated = fields.get("failed_generation")
    codes = [str(fields[name]) for name in ("code", "type", "status") if fields.get(name)]
    return ErrorBody(
        text=body,
        message=_message(fields)[:_MAX_CHARACTERS],
        codes=tuple(codes),
        status=next((int(code) for code in codes if code.isascii() and code.isdigit()), None),
        parameter=_parameter(fields),
        headers=_quoted_headers(fields),
        generated=generated if isinstance(generated, str) else None,
    )


def _innermost(content: object) -> Mapping[str, Any]:
    """Find the object that describes the error."""
    while (inner := _inner(content)) is not None:
        content = inner
    return content if isinstance(content, dict) else {"message": content}


def _inner(content: object) -> object:
    """Return what a content is wrapped around; None: it is no wrapping."""
    if isinstance(content, list):
        return content[0] if content else None
    if not isinstance(content, dict):
        return None
    for name in _WRAPPINGS:
        inner = content.get(name)
        if isinstance(inner, str) and inner.lstrip().startswith(("{", "[")):
            with contextlib.suppress(ValueError):
                inner = json.loads(inner)
        if isinstance(inner, dict) or (isinstance(inner, list) and inner[:1] != []):
            return inner
    return None


def _message(fields: Mapping[str, Any]) -> str:
    said = next((fields[name] for name in _MESSAGES if fields.get(name)), None)
    if said is None:
        said = fields if any(fields.values()) else _NOTHING
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    match fields:
        case {"loc": [*path]}:
            return f"{'.'.join(map(str, path))}: {text}"
        case {"metadata": {"raw": str(raw)}}:
            return f"{text}: {read_error(raw).message}"
    return text


def _parameter(fields: Mapping[str, Any]) -> str | None:
    match fields:
        case {"param": str(name)} if name:
            return name
        case {"loc": [*_, str(name)]}:
            return name
    return None


def _quoted_headers(fields: Mapping[str, Any]) -> dict[str, str]:
    match fields:
        case {"metadata": {"headers": {**headers}}}:
            return {str(name): text for name, text in headers.items() if isinstance(text, str)}
    return {}
