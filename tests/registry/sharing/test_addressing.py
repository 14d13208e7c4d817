import pytest
from tests.conftest import require
from tests.registry.remotes.conftest import why_no_obstore

from smallcraft.errors import InvalidInputError
from smallcraft.registry.remotes import BUILTIN
from smallcraft.registry.sharing.addressing import open_remote


@pytest.mark.parametrize("path", ["shared", "/mnt/shared", "../shared", "C:shared", "a:b"])
def test_a_path_is_a_folder(path):
    assert open_remote(path) is None


@pytest.mark.parametrize("kind", BUILTIN.values(), ids=BUILTIN)
def test_the_example_of_each_kind_is_an_address_of_it(kind):
    require(why_no_obstore() if kind.name == "bucket" else None)
    found = open_remote(kind.example)
    assert found is not None
    assert found.address == kind.example


def test_an_address_that_no_kind_knows_is_refused_with_what_there_is():
    with pytest.raises(InvalidInputError, match=r"a remote is a folder or one of s3://.*did you mean 's3'"):
        open_remote("s33://bucket/prefix")
