"""To and from Gymnasium (https://gymnasium.farama.org), which is an extra."""

from __future__ import annotations

from embodied.errors import ConfigError

try:
    import gymnasium  # noqa: F401
except ModuleNotFoundError:
    raise ConfigError(
        "this needs the package gymnasium; install it with: "
        "pip install 'embodied-codeact[gymnasium]'"
    ) from None
