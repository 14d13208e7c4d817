import pytest

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry.proofs import proof_folder
from smallcraft.registry.proofs.proof_bundle import write_proof
from smallcraft.registry.proofs.proof_check import verify_proof
from smallcraft.registry.proofs.proof_folder import read_proof_folder, write_proof_folder


@pytest.fixture
def proof(published):
    return write_proof(published.material())


def test_a_proof_reads_back_as_written(proof, tmp_path):
    folder = write_proof_folder(proof, tmp_path / "proof")
    assert read_proof_folder(folder) == proof
    assert write_proof_folder(proof, folder) == folder


def test_what_is_no_part_of_a_proof_is_left_alone(proof, tmp_path):
    folder = write_proof_folder(proof, tmp_path / "proof")
    (folder / "verify.go").write_bytes(b"package main")
    (folder / "elsewhere").symlink_to("/")
    assert read_proof_folder(folder) == proof
    with pytest.raises(InvalidInputError, match="already holds"):
        write_proof_folder(proof, folder)


def test_a_link_in_place_of_a_file_is_refused(proof, tmp_path):
    folder = write_proof_folder(proof, tmp_path / "proof")
    (folder / "entry.json").rename(tmp_path / "entry.json")
    (folder / "entry.json").symlink_to(tmp_path / "entry.json")
    with pytest.raises(IntegrityError, match=r"entry\.json is a link"):
        read_proof_folder(folder)


def test_a_linked_folder_is_not_followed(proof, tmp_path):
    folder = write_proof_folder(proof, tmp_path / "proof")
    (folder / "attachments").rename(tmp_path / "attachments")
    (folder / "attachments").symlink_to(tmp_path / "attachments")
    with pytest.raises(IntegrityError, match=r"the attachment .* is not there"):
        verify_proof(read_proof_folder(folder))


def test_no_proof_is_told_from_a_broken_one(tmp_path):
    with pytest.raises(NotFoundError, match="no proof at"):
        read_proof_folder(tmp_path)


def test_files_that_no_proof_has_are_refused_before_they_are_read(proof, tmp_path, monkeypatch):
    folder = write_proof_folder(proof, tmp_path / "proof")
    monkeypatch.setattr(proof_folder, "LARGEST_FILE_BYTES", 100)
    with pytest.raises(IntegrityError, match="larger than 100 bytes"):
        read_proof_folder(folder)
    monkeypatch.setattr(proof_folder, "MOST_FILES", 5)
    with pytest.raises(IntegrityError, match="a proof has at most 5"):
        read_proof_folder(folder)
