"""What each setting means, read from the models: for the command line and a page of the docs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from embodied._util.suggestion import suggestion
from embodied.config.load import SHORTHANDS
from embodied.config.schema import RunConfig
from embodied.errors import ConfigError

PAGE_HEAD = """# Settings

Every setting of a run: in a YAML file, or as an option of the command line, `--llm.model NAME`.
`embodied config --help-settings [PREFIX]` prints the same. Options of an environment are on its own
page, and in `embodied config --help-settings environment.options --env NAME`.
"""
_BOUNDS = ((Gt, "gt", ">"), (Ge, "ge", ">="), (Lt, "lt", "<"), (Le, "le", "<="))
_OR_NULL = " or null"
_WORDS = {Path: "path", NoneType: "null", Any: "any value", dict: "mapping"}


class Setting(NamedTuple):
    """One setting, or a section of them."""

    name: str
    type: str
    default: str
    """As YAML; of a section that is there from the start, and of what must be given, in words."""
    text: str


def settings(model: type[BaseModel] = RunConfig, prefix: str = "") -> list[Setting]:
    """List the settings of a model in their order, each section before what it holds."""
    found = list(_settings(model, prefix, {}))
    if model is RunConfig:
        types = {setting.name: setting for setting in found}
        found += [
            types[name]._replace(name=short, text=f"Short for `{name}`.")
            for short, name in SHORTHANDS.items()
        ]
    return found


def chosen(all_settings: list[Setting], prefix: str) -> list[Setting]:
    """Choose the setting or section of a dotted name, "": all; ConfigError where there is none."""
    found = [each for each in all_settings if f"{each.name}.".startswith(f"{prefix}.".lstrip("."))]
    if not found:
        names = [each.name for each in all_settings]
        raise ConfigError(f"there is no setting {prefix!r}{suggestion(prefix, names)}")
    return found


def as_text(all_settings: list[Setting]) -> str:
    """Write settings as paragraphs for a terminal."""
    return "\n\n".join(
        f"{each.name}: {each.type.replace('`', '')}; default {each.default}\n"
        + textwrap.fill(each.text, 96, initial_indent="    ", subsequent_indent="    ")
        for each in all_settings
    )


def as_page(all_settings: list[Setting]) -> str:
    """Write settings as a page in Markdown: a table for those at the top, and one a section."""
    tables: dict[str, list[str]] = {}
    for each in all_settings:
        section = each.name.rpartition(".")[0]
        row = (f"`{each.name}`", each.type, each.default, each.text.replace("|", "\\|"))
        tables.setdefault(section, []).append(f"| {' | '.join(row)} |")
    head = "| setting | type | default | meaning |\n| --- | --- | --- | --- |\n"
    return PAGE_HEAD + "".join(
        "\n" + (f"## `{section}`\n\n" if section else "") + head + "\n".join(rows) + "\n"
        for section, rows in tables.items()
    )


def _settings(
    model: type[BaseModel], prefix: str, shown: dict[type[BaseModel], str]
) -> Iterator[Setting]:
    for key, field in model.model_fields.items():
        if field.exclude:  # it is no setting of files
            continue
        name = f"{prefix}{key}"
        union = _origin(field.annotation) is Union
        choices = get_args(field.annotation) if union else (field.annotation,)
        kind = _with_bounds(_type(field.annotation, shown), field.metadata)
        yield Setting(name, kind, _default(field), " ".join((field.description or "").split()))
        for section in choices:
            if _is_section(section) and section not in shown:
                shown[section] = name
                yield from _settings(section, f"{name}.", shown)


def _origin(annotation: Any) -> Any:
    origin = get_origin(annotation)
    return Union if origin is UnionType else origin


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _type(annotation: Any, shown: dict[type[BaseModel], str]) -> str:
    origin, arguments = _origin(annotation), get_args(annotation)
    if _is_section(annotation):
        return f"section, as `{shown[annotation]}`" if annotation in shown else "section"
    if origin is Annotated:
        bounds = [bound for each in arguments[1:] for bound in getattr(each, "metadata", [each])]
        return _with_bounds(_type(arguments[0], shown), bounds)
    if origin is Union:
        return " or ".join(_type(each, shown) for each in arguments)
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in arguments)
    if origin in (tuple, list):
        return "list" if arguments[0] not in (str, Path) else f"list of {_type(arguments[0], {})}"
    return _WORDS.get(origin or annotation) or str(getattr(annotation, "__name__", annotation))


def _with_bounds(kind: str, metadata: list[Any]) -> str:
    bounds = [
        f" {sign} {getattr(each, attribute):g}"
        for each in metadata
        for bound, attribute, sign in _BOUNDS
        if isinstance(each, bound)
    ]
    return kind.removesuffix(_OR_NULL) + ",".join(bounds) + _OR_NULL * kind.endswith(_OR_NULL)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none: it must be given"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "as below"
    plain = TypeAdapter(Any).dump_python(value, mode="json")
    return yaml.safe_dump(plain, default_flow_style=True).removesuffix("\n...\n").strip()


if __name__ == "__main__":
    print(as_page(settings()), end="")
