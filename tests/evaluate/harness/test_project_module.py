from __future__ import annotations

import sys
from pathlib import Path

import pytest

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.evaluate.harness.project_module import importable_from, load_function, names_function


@pytest.mark.parametrize(
    ("target", "is_one"),
    [
        ("mine:answer", True),
        ("a.b_c:d.e", True),
        ("mine", False),
        ("http://host:80/v2", False),
        ("C:\\model", False),
        ("a:b:c", False),
        ("1a:b", False),
    ],
)
def test_a_function_is_known_by_its_looks(target, is_one):
    assert names_function(target) is is_one


def test_a_module_of_the_folder_is_found_and_the_path_is_left_as_it_was(tmp_path):
    (tmp_path / "module_of_folder.py").write_text("def double(x):\n    return 2 * x\n", encoding="utf-8")
    before = list(sys.path)
    assert load_function("module_of_folder:double", tmp_path)(2) == 4
    assert sys.path == before


@pytest.mark.parametrize(
    ("body", "target", "error", "what"),
    [
        ("", "no_such_module_here:f", NotFoundError, "there is no module 'no_such_module_here'"),
        ("def answer(): ...", "module_bad_1:anwser", NotFoundError, "did you mean 'answer'"),
        ("x = 3", "module_bad_2:x", InvalidInputError, "must be a function, got int"),
        ("import not_installed_at_all", "module_bad_3:f", InvalidInputError, "fails while it is imported"),
        ("1 / 0", "module_bad_4:f", InvalidInputError, "ZeroDivisionError"),
        ("def broken(:", "module_bad_5:f", InvalidInputError, "SyntaxError"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_remedy(tmp_path, body, target, error, what):
    name = target.partition(":")[0]
    if name.startswith("module_bad"):
        (tmp_path / f"{name}.py").write_text(body, encoding="utf-8")
    with pytest.raises(error, match=what):
        load_function(target, tmp_path)


def test_the_path_is_restored_after_an_error(tmp_path):
    def fail() -> None:
        with importable_from(tmp_path):
            assert Path(sys.path[0]) == tmp_path.resolve()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert str(tmp_path.resolve()) not in sys.path
