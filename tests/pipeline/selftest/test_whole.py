"""A build that releases nothing breaks the promise."""

from __future__ import annotations

import pytest

from smallcraft.pipeline.selftest import whole
from smallcraft.pipeline.selftest.promise import BrokenPromiseError


def test_a_project_that_is_not_released_is_noticed(monkeypatch, tmp_path):
    monkeypatch.setattr(whole, "_PROJECT", whole._PROJECT + "[quality]\nfloor = 0.9999\n")
    with pytest.raises(BrokenPromiseError, match=r"not released: .* at least 0\.9999"):
        whole.a_release_is_built_and_verifies(tmp_path, 0)
