"""Programs drawn from all constructs: derived, checked, and computed by both back ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rot180.codegen.system import cache
from tests.support.random_programs import examine, has_compiler


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile what is linked to all kernels once, and nothing optimised."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CFLAGS", "-O0")
        patch.setenv(cache.VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.usefixtures("cached")
def test_drawn_programs(seed: int) -> None:
    """They read back, the checker accepts their proofs, and both back ends compute them."""
    outcome = examine(seed, compiled=has_compiler())
    assert outcome.kind == "derived", outcome.text


@pytest.mark.parametrize("seed", [253, 324, 424])
def test_drawn_programs_that_were_refused(seed: int) -> None:
    """A parameter named as an index; a box that only a named sum shows; a step that divides."""
    outcome = examine(seed, compiled=False)
    assert outcome.kind == "derived", outcome.text
