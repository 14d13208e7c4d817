"""Two workers that answer differently, as threads of the test."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from tests.serve.worker_threads import numbers_answerer, worker_thread


@pytest.fixture(scope="module")
def answerers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    return [numbers_answerer(folder, seed) for seed in (1, 2)]


@pytest.fixture
def workers(tmp_path, answerers):
    with ExitStack() as stack:
        yield [
            stack.enter_context(worker_thread(tmp_path, answerer, f"w{number}"))
            for number, answerer in enumerate(answerers)
        ]
