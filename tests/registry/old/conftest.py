"""A registry of format 1, by the last version that wrote it: three releases of one name, one of another.

`helpdesk@1` and `helpdesk@2` differ in their copy of the ledger only.
"""

from pathlib import Path

import pytest
from tests.unpacking import unpack

ARCHIVE = Path(__file__).parent / "format_1.tar.gz"


@pytest.fixture
def old(tmp_path):
    """A copy of it, to be changed."""
    unpack(ARCHIVE, tmp_path)
    root = tmp_path / "format_1"
    return root.rename(tmp_path / "registry")
