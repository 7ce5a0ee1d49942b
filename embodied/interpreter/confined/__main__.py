"""Start of the zygote: loads this folder as a package of its own, without `embodied`."""

import importlib.util
import sys
from pathlib import Path

_NAME = "_confined"


def _load() -> None:
    here = Path(__file__).parent
    spec = importlib.util.spec_from_file_location(
        _NAME, here / "__init__.py", submodule_search_locations=[str(here)]
    )
    assert spec is not None  # noqa: S101 - for the type checker
    sys.modules[_NAME] = importlib.util.module_from_spec(spec)


if __name__ == "__main__":
    _load()
    importlib.import_module(f"{_NAME}.fork_server").main()
