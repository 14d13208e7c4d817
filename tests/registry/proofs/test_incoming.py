import pytest

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.content.disk import Layout, make_folders
from smallcraft.registry.proofs.incoming import INCOMING, open_incoming
from smallcraft.registry.tlog.entry import Content

DATA = b"weights" * 1000
WANTED = Content(digest_bytes(DATA), len(DATA))


@pytest.fixture
def source(tmp_path):
    layout = Layout(tmp_path / "source")
    make_folders(layout)
    layout.blob(WANTED.digest).write_bytes(DATA)
    return layout


@pytest.fixture
def target(tmp_path):
    layout = Layout(tmp_path / "target")
    make_folders(layout)
    return layout


def waiting(target):
    return sorted(path.name for path in (target.tmp / INCOMING).iterdir())


def test_a_whole_blob_is_found_again_by_the_next_run(source, target):
    open_incoming(target).fetch(source, WANTED)
    again = open_incoming(target)
    again.adopt()
    assert list(again.paths) == [WANTED.digest]
    assert again.paths[WANTED.digest].read_bytes() == DATA
    assert waiting(target) == [WANTED.digest[7:]]


def test_half_a_blob_and_a_damaged_one_are_thrown_away(source, target):
    open_incoming(target).fetch(source, WANTED)
    folder = target.tmp / INCOMING
    (folder / "abcd1234-00000001").write_bytes(DATA[:100])
    (folder / WANTED.digest[7:]).chmod(0o644)
    (folder / WANTED.digest[7:]).write_bytes(DATA[:-1])
    again = open_incoming(target)
    again.adopt()
    assert not again.paths
    assert waiting(target) == []


def test_links_in_the_folder_are_refused(source, target, tmp_path):
    open_incoming(target)
    (target.tmp / INCOMING / ("0" * 64)).symlink_to("/etc/passwd")
    with pytest.raises(IntegrityError, match="must be a plain file"):
        open_incoming(target).adopt()
    (target.tmp / INCOMING / ("0" * 64)).unlink()
    (target.tmp / INCOMING).rmdir()
    (target.tmp / INCOMING).symlink_to(tmp_path)
    with pytest.raises(InvalidInputError, match="it is a link"):
        open_incoming(target)


@pytest.mark.parametrize("data", [b"", DATA[:-1], b"W" + DATA[1:], DATA + b"!", DATA * 1000])
def test_other_bytes_than_the_recorded_ones_are_named_and_not_kept(source, target, data):
    source.blob(WANTED.digest).write_bytes(data)
    with pytest.raises(IntegrityError, match=f"{WANTED.digest[7:]} does not match its record: expected"):
        open_incoming(target).fetch(source, WANTED)
    assert waiting(target) == []


def test_a_blob_that_is_longer_than_recorded_is_not_read_to_its_end(source, target, monkeypatch):
    source.blob(WANTED.digest).write_bytes(DATA * 5000)
    incoming, written = open_incoming(target), []
    add_blocks = incoming.add_blocks

    def counting(blocks):
        return add_blocks(block for block in blocks if not written.append(len(block)))

    monkeypatch.setattr(incoming, "add_blocks", counting)
    with pytest.raises(IntegrityError, match="does not match its record"):
        incoming.fetch(source, WANTED)
    assert sum(written) < 1 << 20


def test_a_missing_blob_is_named(source, target):
    source.blob(WANTED.digest).unlink()
    with pytest.raises(IntegrityError, match=r"is missing or no plain file, but a release needs it"):
        open_incoming(target).fetch(source, WANTED)


def test_what_is_not_wanted_any_more_is_removed(source, target):
    incoming = open_incoming(target)
    incoming.fetch(source, WANTED)
    assert incoming.keep_only({WANTED.digest}) == 1
    assert incoming.keep_only(set()) == 0
    assert waiting(target) == []
