from pathlib import Path

import pytest


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """A folder that stands for a bundle; the child processes can import `toy_runtime`."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    folder = tmp_path / "bundle"
    (folder / "heads").mkdir(parents=True)
    (folder / "bundle.json").write_bytes(b"x" * 1500)
    (folder / "heads" / "a.npz").write_bytes(b"x" * 500)
    return folder
