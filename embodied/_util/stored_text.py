"""Fields of records that are stored as JSON texts."""

from __future__ import annotations

from typing import Any

from pydantic import BeforeValidator, PlainSerializer
from pydantic_core import from_json, to_json


def as_json_text(value: Any) -> str:
    """Write a value as JSON; what JSON has no words for becomes its `repr`."""
    return to_json(value, fallback=repr, inf_nan_mode="null").decode()


def from_json_text(value: Any) -> Any:
    """Read what `as_json_text` wrote; leave what is no text."""
    return from_json(value) if isinstance(value, str) else value


StoredAsText = PlainSerializer(as_json_text, return_type=str, when_used="json")
"""Marks a field whose keys or types differ from record to record. JSON holds it as a text, which is
JSON in turn, so that each column of a file of records has one type for readers that need that."""

ReadFromText = BeforeValidator(from_json_text)
"""Marks such a field, where its value itself is no text."""
