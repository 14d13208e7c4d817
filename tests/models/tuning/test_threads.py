"""One thread inside, everything as before outside, and the number format that was asked for."""

from __future__ import annotations

import pytest
import torch

from smallcraft.models.tuning import threads
from smallcraft.models.tuning.threads import choose_precision, one_thread, products_in

pytestmark = pytest.mark.torch


def test_threads_and_kernels_are_put_back_after_an_error():
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()

    def fail():
        with one_thread():
            assert torch.get_num_threads() == 1
            assert torch.are_deterministic_algorithms_enabled()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before
    assert torch.utils.deterministic.fill_uninitialized_memory


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True}, "bf16"), ({"avx2": True}, "fp32"), ({}, "fp32")],
)
def test_automatic_precision_follows_the_processor(monkeypatch, capabilities, expected):
    monkeypatch.setattr(threads.torch.cpu, "get_capabilities", lambda: capabilities)
    assert choose_precision("auto") == expected
    assert [choose_precision("bf16"), choose_precision("fp32")] == ["bf16", "fp32"]


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_products_are_computed_in_the_format_asked_for(precision, dtype):
    with products_in(precision):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
