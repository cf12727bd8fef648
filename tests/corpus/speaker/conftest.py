"""espeak-ng for the tests that need it; they are skipped where there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from project.contract import InputError
from project.corpus.speaker.synthesizer import Synthesizer


@pytest.fixture(scope="session")
def synthesizer() -> Iterator[Synthesizer]:
    try:
        found = Synthesizer()
    except InputError as error:
        pytest.skip(str(error))
    with found:
        yield found
