"""The runtime's own modules: all it imports when it runs, and no package beyond the three."""

from __future__ import annotations

import sys
from pathlib import Path

import smallcraft
from smallcraft.pipeline.runtime_sources import imported_names, runtime_sources

ROOT = Path(smallcraft.__file__).parents[1]


def test_every_module_of_the_runtime_is_there_and_nothing_that_trains():
    found = runtime_sources()
    own = {path.relative_to(ROOT).as_posix() for path in (ROOT / "smallcraft" / "bundle").rglob("*.py")}
    assert own <= set(found)
    others = {path.split("/")[1] for path in set(found) - own}
    assert {"__init__.py", "errors.py", "canonical.py"} <= others
    assert others & {"models", "data", "pipeline", "registry", "evaluate", "cli", "contracts.py"} == set()
    for path, data in found.items():
        assert data == (ROOT / path).read_bytes()


def test_it_imports_the_three_packages_the_optional_engine_and_the_standard_library_only():
    names = {name.partition(".")[0] for data in runtime_sources().values() for name in imported_names(data)}
    foreign = names - set(sys.stdlib_module_names)
    assert foreign == {"smallcraft", "numpy", "onnxruntime", "tokenizers", "openvino"}


def test_imports_for_type_checkers_do_not_count_and_those_in_functions_do():
    source = b"""
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import polars
else:
    import json
def late():
    from smallcraft.plugins import find_plugin
"""
    assert imported_names(source) == {
        "typing",
        "typing.TYPE_CHECKING",
        "json",
        "smallcraft.plugins",
        "smallcraft.plugins.find_plugin",
    }
