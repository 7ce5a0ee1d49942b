"""What the zygote imports, so that no session has to."""

from __future__ import annotations

import importlib
import io
import logging
import sys
from contextlib import suppress
from typing import Any

MODULES = (
    "asyncio", "bisect", "cloudpickle", "collections", "copy", "csv", "dataclasses", "datetime",
    "decimal", "difflib", "enum", "fractions", "functools", "heapq", "itertools", "json", "logging",
    "math", "operator", "pprint", "random", "re", "statistics", "string", "textwrap", "traceback",
    "typing", "numpy", "scipy.optimize", "scipy.spatial", "scipy.stats", "pandas", "sympy",
    "sklearn.cluster", "sklearn.decomposition", "sklearn.ensemble", "sklearn.linear_model",
    "sklearn.metrics", "sklearn.model_selection", "sklearn.neighbors", "sklearn.pipeline",
    "sklearn.preprocessing", "sklearn.svm", "sklearn.tree", "matplotlib.pyplot",
    "PIL.Image", "PIL.PngImagePlugin", "PIL.JpegImagePlugin", "PIL.GifImagePlugin",
    "PIL.WebPImagePlugin",
)  # fmt: skip


def preload() -> None:
    """Import what is installed, and use once what prepares itself at its first use."""
    for name in MODULES:
        with suppress(Exception):  # what is broken fails again, and visibly, where code imports it
            importlib.import_module(name)
    warm_ups = {"numpy": _multiply, "scipy": _solve, "sklearn": _cluster, "matplotlib": _draw}
    for library, warm_up in warm_ups.items():
        if library in sys.modules:
            with suppress(Exception):
                warm_up()


def _multiply() -> None:
    """Linear algebra takes tens of megabytes of working memory once for all."""
    numpy: Any = sys.modules["numpy"]
    matrix = numpy.ones((300, 300))
    numpy.linalg.svd(matrix @ matrix)


def _solve() -> None:
    """SciPy has a linear algebra of its own."""
    importlib.import_module("scipy.linalg").lu([[1.0, 2.0], [3.0, 5.0]])


def _cluster() -> None:
    """scikit-learn looks once for the libraries whose threads it may have to limit."""
    importlib.import_module("sklearn.cluster").KMeans(1, n_init=1).fit([[0.0], [1.0]])


def _draw() -> None:
    """Draw to memory, with the fonts that every installation has, and show nothing."""
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    matplotlib: Any = sys.modules["matplotlib"]
    manager = importlib.import_module("matplotlib.font_manager").fontManager
    own = matplotlib.get_data_path()
    manager.ttflist = [font for font in manager.ttflist if font.fname.startswith(own)]
    pyplot = matplotlib.pyplot
    pyplot.figure()
    pyplot.plot([0, 1])
    pyplot.title("a $x$")
    pyplot.savefig(io.BytesIO(), format="png")
    pyplot.close("all")
    pyplot.show = lambda *_, **__: None
