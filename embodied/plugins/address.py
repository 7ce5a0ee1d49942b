"""Environments that are elsewhere, named `SCHEME:ADDRESS`, e.g. `mcp:http://127.0.0.1:9000/mcp`."""

from __future__ import annotations

import functools
import importlib.metadata
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from embodied.controller import Controller
from embodied.environment import Environment

_GROUP = "embodied.addresses"


class AddressedEnvironment(Environment):
    """An environment that is made for an address, with the robot that belongs to it.

    A subclass is registered under the entry-point group `embodied.addresses`, by its scheme; `at`
    makes the class of one address. The module that it is in must be there without what the scheme
    needs: names are read where nothing is played.
    """

    address: ClassVar[str]
    options: Mapping[str, Any] = {}
    """Those that it was made with, from which `robot` makes the class of its robot."""

    @classmethod
    @functools.cache
    def at(cls, scheme: str, address: str) -> type[Self]:
        """Make the class of an address, once in a process."""
        return cls._class_of(scheme, address)

    @classmethod
    def _class_of(cls, scheme: str, address: str, **members: Any) -> type[Self]:
        """Make the class of an address with some attributes of its own."""
        own = {"address": address, "default_controller": f"{scheme}:{address}"}
        return type(cls.__name__, (cls,), {"__module__": cls.__module__, **own, **members})

    @classmethod
    @abstractmethod
    def robot(cls, **options: Any) -> type[Controller]:
        """Make the class of the robot that is there, for an environment with these options.

        Raises:
            ConfigError: there is none.
        """

    @classmethod
    def absolute_name(cls, scheme: str, address: str) -> str:
        """Return a name that means the same in any folder."""
        return f"{scheme}:{address}"

    @classmethod
    def short_name(cls, scheme: str, address: str) -> str:
        """Return the part of the name that a protocol records: what may change stays out of it."""
        return f"{scheme}:{address}"


def is_address(name: str) -> bool:
    """Tell whether a plugin's name is an address."""
    scheme, colon, _ = name.partition(":")
    return bool(colon) and scheme in _schemes()


def environment_at(name: str) -> type[AddressedEnvironment]:
    """Make the class of the environment at an address."""
    return _kind(name).at(*_parts(name))


def absolute_address(name: str) -> str:
    """Return an address that means the same in any folder."""
    return _kind(name).absolute_name(*_parts(name))


def short_address(name: str) -> str:
    """Return what a protocol records of an address."""
    return _kind(name).short_name(*_parts(name))


def _parts(name: str) -> tuple[str, str]:
    scheme, _, address = name.partition(":")
    return scheme, address.strip()


def _kind(name: str) -> type[AddressedEnvironment]:
    return _schemes()[_parts(name)[0]].load()  # type: ignore[no-any-return]


@functools.cache
def _schemes() -> Mapping[str, importlib.metadata.EntryPoint]:
    return {point.name: point for point in importlib.metadata.entry_points(group=_GROUP)}
