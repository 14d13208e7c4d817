import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import require, why_no_go, why_no_model_signing, why_no_program
from tests.registry.proofs.conftest import Author, Published

from smallcraft.registry.proofs.instructions import sides_of
from smallcraft.registry.proofs.proof_bundle import write_proof
from smallcraft.registry.tlog.tiles import TileLog
from smallcraft.registry.tlog.tree import leaf_hash, node_hash

GO, OPENSSL, SUMS, AUTHOR, SKOPEO = range(5)
WAYS = ("go", "openssl", "sums", "author", "skopeo")


REASONS = (
    why_no_go,
    lambda: why_no_program("openssl", "openssl"),
    lambda: why_no_program("sha256sum", "coreutils"),
    why_no_model_signing,
    lambda: why_no_program("skopeo", "skopeo"),
)


class Stranger:
    """A proof, a release and a registry in three folders side by side, and the blocks of VERIFY.md."""

    def __init__(self, folder: Path, published: Published):
        self.folder = folder
        self.proof = folder / "proof"
        files = write_proof(published.material())
        for path, data in files.items():
            (self.proof / path).parent.mkdir(parents=True, exist_ok=True)
            (self.proof / path).write_bytes(data)
        published.write_release(folder / "release")
        published.write_registry(folder / "registry")
        self.blocks = re.findall(r"^```sh\n(.*?)^```$", files["VERIFY.md"].decode(), re.DOTALL | re.MULTILINE)

    def says(self, way: int) -> bool:
        """Type a block as printed; whether it holds."""
        scripts = Path(sys.executable).parent
        environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
        how = {"cwd": self.proof, "env": environment, "capture_output": True, "text": True, "timeout": 120}
        ran = subprocess.run(["sh"], input=self.blocks[way], check=False, **how)
        said = bool(ran.stdout.strip()) and ran.stdout.strip().splitlines()[-1].startswith("holds")
        assert said == (ran.returncode == 0), (ran.returncode, ran.stdout, ran.stderr)
        return said


@pytest.fixture
def stranger(tmp_path, published):
    return Stranger(tmp_path, published)


@pytest.mark.parametrize("way", range(5), ids=WAYS)
def test_every_block_as_printed_holds(stranger, way):
    require(REASONS[way]())
    assert len(stranger.blocks) == 5
    assert stranger.says(way)


def test_every_block_but_the_authors_holds_for_an_unsigned_release_alone_in_its_log(tmp_path, author):
    stranger = Stranger(tmp_path, Published(author, signed=False, others=0))
    assert len(stranger.blocks) == 4
    for way, block in ((GO, 0), (OPENSSL, 1), (SUMS, 2), (SKOPEO, 3)):
        require(REASONS[way]())
        assert stranger.says(block), WAYS[way]


def test_the_files_of_a_pack_are_checked_too(tmp_path):
    stranger = Stranger(tmp_path, Published(Author(3), packed=True))
    assert stranger.says(SUMS)
    assert "bundle/many/0007.txt" in (stranger.proof / "SHA256SUMS").read_text()
    (stranger.folder / "release/bundle/many/0007.txt").write_bytes(b"8")
    assert not stranger.says(SUMS)


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


# Which ways must notice one flipped bit of a file: a place from its beginning or, below 0, from its end.
NOTICED = [
    ("proof/entry.json", 40, (GO, OPENSSL)),
    ("proof/entry.json", -2, (GO, OPENSSL, SUMS)),
    ("proof/release.tlog-proof", 29, (GO, OPENSSL)),
    ("proof/release.tlog-proof", 40, (GO, OPENSSL)),
    ("proof/release.tlog-proof", -70, (GO, OPENSSL)),
    ("proof/checkpoint", 3, (OPENSSL,)),
    ("proof/checkpoint", -20, (OPENSSL,)),
    ("proof/checkpoint.txt", 22, (OPENSSL,)),
    ("proof/checkpoint.sig", 10, (OPENSSL,)),
    ("proof/log.pem", 80, (OPENSSL,)),
    ("proof/policy", 40, (OPENSSL,)),
    ("proof/manifest.json", 200, (SUMS, SKOPEO)),
    ("proof/config.json", 20, (SUMS,)),
    ("proof/attachments/card.json", 100, (SUMS,)),
    ("proof/SHA256SUMS", 5, (SUMS,)),
    ("proof/model.sig", 300, (AUTHOR,)),
    ("proof/author.pem", 80, (AUTHOR,)),
    ("release/bundle/model.onnx", 6000, (SUMS, AUTHOR)),
    ("release/card.md", 0, (SUMS, AUTHOR)),
]


@pytest.mark.parametrize(("path", "place", "ways"), NOTICED)
def test_one_flipped_bit_is_noticed_by_the_ways_that_read_the_file(stranger, path, place, ways):
    flip(stranger.folder / path, place)
    for way in ways:
        require(REASONS[way]())
        assert not stranger.says(way), WAYS[way]


def test_a_missing_file_is_noticed_and_a_planted_one_by_the_signature(stranger):
    require(why_no_model_signing())
    (stranger.folder / "release/planted").write_bytes(b"")
    assert stranger.says(SUMS)
    assert not stranger.says(AUTHOR)
    (stranger.folder / "release/planted").unlink()
    (stranger.folder / "release/card.md").unlink()
    assert not stranger.says(SUMS)
    assert not stranger.says(AUTHOR)


def test_another_releases_proof_does_not_hold_under_these_instructions(stranger, tmp_path):
    """Files of an older proof put beside newer instructions."""
    require(why_no_go())
    for name in ("entry.json", "release.tlog-proof"):
        older = write_proof(Published(Author(9), others=3).material())[name]
        (stranger.proof / name).write_bytes(older)
    assert not stranger.says(SUMS)
    assert not stranger.says(OPENSSL)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 21])
def test_sides_agree_with_the_tree_at_every_place(size):
    entries = [b"%d" % number for number in range(size)]
    files = TileLog({}.__getitem__, 0).append(entries).files
    log = TileLog(files.__getitem__, size)
    for index in range(size):
        node = leaf_hash(entries[index])
        hashes = log.inclusion(index)
        sides = sides_of(index, size)
        assert len(sides) == len(hashes)
        for sibling, is_left in zip(hashes, sides, strict=True):
            node = node_hash(sibling, node) if is_left else node_hash(node, sibling)
        assert node == log.root()


def test_the_keys_to_compare_are_in_the_text(published):
    text = write_proof(published.material())["VERIFY.md"].decode()
    assert published.signer.vkey in text
