"""A registry of format 1, by the last version that wrote it: three releases of one name, one of another.

`helpdesk@1` and `helpdesk@2` differ in their copy of the ledger only.
"""

import tarfile
from pathlib import Path

import pytest

ARCHIVE = Path(__file__).parent / "format_1.tar.gz"


@pytest.fixture
def old(tmp_path):
    """A copy of it, to be changed."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    root = tmp_path / "format_1"
    return root.rename(tmp_path / "registry")
