"""What a pull takes, and what it does not; the laws of a pull are in `registry/remotes/test_remotes`."""

import pytest

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.manifests.manifest import LARGEST_BYTES
from smallcraft.registry.sharing.fetching import pull_from
from smallcraft.registry.sharing.sending import push_to


def refuse(root):
    raise IntegrityError(f"{root.name} is broken")


def test_a_pull_ends_in_the_verification_that_is_passed(memory, owner, tmp_path, newcomer):
    push_to(memory.open(), owner.root)
    with pytest.raises(IntegrityError, match="copy is broken"):
        pull_from(memory.open(), tmp_path / "copy", verify=refuse, trust=newcomer)


def test_a_folder_that_is_somebody_elses_is_not_made_a_registry(memory, owner, tmp_path, newcomer):
    push_to(memory.open(), owner.root)
    (tmp_path / "home").mkdir()
    (tmp_path / "home/thesis.tex").write_bytes(b"")
    with pytest.raises(InvalidInputError, match=r"already holds thesis\.tex"):
        pull_from(memory.open(), tmp_path / "home", verify=refuse, trust=newcomer)
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["thesis.tex"]


def test_a_manifest_that_is_too_large_for_one_is_not_fetched(memory, owner, tmp_path, newcomer):
    push_to(memory.open(), owner.root)
    manifest = owner.registry.find("helpdesk@2").entry.manifest.digest[7:]
    memory.write(f"blobs/sha256/{manifest}", bytes(LARGEST_BYTES + 1))
    with pytest.raises(IntegrityError, match=f"{manifest} has {LARGEST_BYTES + 1} bytes, a manifest has"):
        pull_from(memory.open(), tmp_path / "copy", verify=refuse, trust=newcomer)
