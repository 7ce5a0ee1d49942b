"""Both interpreters hold what the corpus tries; `make test-sandbox` tries all of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from embodied.errors import ConfigError
from embodied.interpreter.cpython.zygote import Zygote
from embodied.sandbox import Checker, Target, load_corpus
from embodied.sandbox.corpus import kinds


@pytest.fixture(scope="module", params=["restricted", "full"])
def checker(request: pytest.FixtureRequest) -> Iterator[Checker]:
    if request.param == "full":
        try:
            Zygote().close()
        except ConfigError as error:
            pytest.skip(str(error))
    with Checker(Target(name=request.param)) as checker:
        yield checker


@pytest.mark.parametrize("kind", kinds())
def test_holds(checker: Checker, kind: str) -> None:
    findings = checker.check(load_corpus(kind)[::4])
    failures = {finding.id: finding.problems for finding in findings if finding.problems}
    assert not failures
