"""The papers of a device zip: an example that one takes in at a glance, a page that says what is inside."""

from __future__ import annotations

import ast
from importlib.metadata import version

from smallcraft.pipeline.device_papers import EXAMPLE, write_readme, write_requirements


def test_the_example_is_short_and_asks_the_self_check_before_it_answers():
    ast.parse(EXAMPLE)
    lines = EXAMPLE.splitlines()
    assert len(lines) <= 36
    assert max(map(len, lines)) <= 110
    assert EXAMPLE.index("run_selfcheck(bundle)") < EXAMPLE.index("bundle.decide(")


def test_the_page_names_the_release_the_columns_and_how_many_labels():
    inputs = {"text": "message", "numbers": ["amount"], "categories": ["plan"]}
    page = write_readme("helpdesk@3", {"inputs": inputs, "classes": ["a", "b", "c"]})
    assert page.startswith("# helpdesk@3, for a device")
    assert "`message`, `amount`, `plan`; knows 3 labels" in page


def test_the_packages_are_those_the_bundle_was_measured_with():
    assert write_requirements(["bundle/heads/fast.npz"]) == (
        f"numpy=={version('numpy')}\ntokenizers=={version('tokenizers')}\n"
    )
    assert f"onnxruntime=={version('onnxruntime')}" in write_requirements(["bundle/model.onnx"])
