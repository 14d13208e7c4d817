import pytest

from smallcraft.demo.helpdesk.corpus import Corpus, generate


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return generate()
