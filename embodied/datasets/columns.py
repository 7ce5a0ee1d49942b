"""The types of a table's columns: said once, for Parquet and for the card that readers go by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from embodied.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow

ColumnType: TypeAlias = "str | list[ColumnType] | dict[str, ColumnType]"
"""`string`, `bool`, `int64`, `double`; a list's type in a list; a structure's by the names of its
fields."""


def to_arrow(columns: Mapping[str, ColumnType]) -> pyarrow.Schema:
    """Describe columns to pyarrow.

    Raises:
        ConfigError: it is not installed.
    """
    arrow = import_pyarrow()
    return arrow.schema([(name, _arrow_type(arrow, kind)) for name, kind in columns.items()])


def _arrow_type(arrow: Any, kind: ColumnType) -> Any:
    match kind:
        case [inner]:
            return arrow.list_(_arrow_type(arrow, inner))
        case dict():
            return arrow.struct([(name, _arrow_type(arrow, each)) for name, each in kind.items()])
    return arrow.type_for_alias(kind)


def to_features(columns: Mapping[str, ColumnType]) -> list[dict[str, Any]]:
    """Describe columns to Hugging Face's `datasets`, as the head of a dataset card does."""
    return [{"name": name, **_feature(kind)} for name, kind in columns.items()]


def _feature(kind: ColumnType) -> dict[str, Any]:
    match kind:
        case [dict() as fields]:
            return {"list": to_features(fields)}
        case [inner]:
            return {"list": inner}
        case dict():
            return {"struct": to_features(kind)}
    return {"dtype": "float64" if kind == "double" else kind}


def import_pyarrow() -> Any:
    """Import pyarrow, or say how to install it."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ConfigError(
            "Parquet files need pyarrow; install it with: pip install 'embodied-codeact[data]'"
        ) from None
    return pyarrow
