import json

import numpy as np
import pytest

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry import drafting
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry


def many(count, *, last=b"0"):
    return {f"bundle/part-{n:04d}.json": b"%d" % n for n in range(count - 1)} | {"bundle/z.json": last}


def test_many_small_files_are_one_blob_and_read_back(tmp_path, now):
    registry = Registry.create(tmp_path / "r")
    files = many(1001)
    release = registry.publish("a", files, {}, now=now)
    assert len(list(registry.layout.blobs.iterdir())) < 12
    assert {file.path for file in release.files} == {*files, "facts.json", "model.sig"}
    stored = registry.find("a")
    assert all(stored.read(path) == files[path] for path in list(files)[::97])
    verify_registry(registry.root, deep=True)


def test_many_small_files_published_again_are_the_release_that_is_there(tmp_path, now):
    registry = Registry.create(tmp_path / "r")
    first = registry.publish("a", many(1001), {}, now=now)
    assert registry.publish("a", many(1001), {}, now=now) == first
    assert registry.publish("a", many(1001, last=b"1"), {}, now=now).version == 2
    assert len(registry.log().entries) == 4
    verify_registry(registry.root)


def test_a_forbidden_file_among_many_is_refused(tmp_path, now):
    registry = Registry.create(tmp_path / "r")
    source = tmp_path / "evil.npy"
    source.write_bytes(b"\x80\x04K\x01.")
    for evil in (b"{", source):
        path = "bundle/evil.json" if isinstance(evil, bytes) else "bundle/evil.npy"
        with pytest.raises(InvalidInputError, match="bundle/evil"):
            registry.publish("a", {**many(1001), path: evil}, {}, now=now)
    assert registry.releases() == ()
    assert not any(registry.layout.blobs.iterdir())


def test_a_release_that_was_published_before_the_last_is_found_again(registry, now):
    made = [registry.publish("a", {"x.json": b"%d" % n}, {"n": n}, now=now) for n in range(3)]
    assert [registry.publish("a", {"x.json": b"%d" % n}, {"n": n}, now=now) for n in range(3)] == made


def test_a_retired_release_is_not_what_is_published_again(registry, now):
    """Whoever publishes wants something that can be served."""
    registry.publish("a", {"x.json": b"1"}, {}, now=now)
    registry.retire("a", 1, now=now)
    assert registry.publish("a", {"x.json": b"1"}, {}, now=now).version == 2
    registry.retire("a", 2, now=now, erase=True)
    third = registry.publish("a", {"x.json": b"1"}, {}, now=now)
    assert third.version == 3
    assert registry.read_file(third, "x.json") == b"1"
    verify_registry(registry.root)


def test_papers_see_the_release_as_it_will_be_and_are_signed_for(registry, now):
    seen = []

    def papers(draft):
        seen.append(draft)
        told = [draft.label, draft.manifest.digest, sorted(file.path for file in draft.files)]
        return {"card.md": json.dumps(told).encode(), "datasheet.md": draft.read("bundle/x.json")}

    release = registry.publish("a", {"bundle/x.json": b"1"}, {"n": 1}, now=now, papers=papers)
    assert json.loads(registry.read_file(release, "card.md")) == [
        "a@1",
        release.manifest_digest,
        ["bundle/x.json", "facts.json"],
    ]
    assert seen[0].parent is None
    assert seen[0].facts == {"n": 1}
    registry.publish("a", {"bundle/x.json": b"2"}, {"n": 2}, now=now, papers=papers)
    assert seen[1].parent.label == "a@1"
    assert seen[1].parent.facts == {"n": 1}
    assert seen[1].parent.read("bundle/x.json") == b"1"
    verify_registry(registry.root)


def test_a_release_follows_what_answers_now_not_what_was_tried_and_taken_back(registry, now):
    parents = []

    def papers(draft):
        parents.append(draft.parent.label if draft.parent else None)
        return {}

    def publish(number):
        registry.publish("a", {"bundle/x.json": b"%d" % number}, {"n": number}, now=now, papers=papers)

    publish(1)
    registry.set_alias("a", "stable", 1, now=now)
    publish(2)  # tried, and rolled back: stable still means the first
    publish(3)
    registry.set_alias("a", "stable", 3, now=now)
    publish(4)
    assert parents == [None, "a@1", "a@1", "a@3"]
    verify_registry(registry.root)


def test_the_same_files_with_other_papers_are_the_same_release(registry, now):
    first = registry.publish("a", {"x.json": b"1"}, {}, now=now, papers=lambda draft: {"card.md": b"one"})
    again = registry.publish("a", {"x.json": b"1"}, {}, now=now, papers=lambda draft: {"card.md": b"two"})
    assert again == first
    assert registry.read_file(first, "card.md") == b"one"


def test_a_paper_does_not_take_the_place_of_a_file_that_was_handed_in(registry, now):
    with pytest.raises(InvalidInputError, match=r"'card.md' is written by the registry itself"):
        registry.publish("a", {"card.md": b"mine"}, {}, now=now, papers=lambda draft: {"card.md": b"its"})


def test_papers_that_fail_leave_nothing(registry, now):
    def papers(draft):
        raise NotFoundError("no such paper")

    before = verify_registry(registry.root).head
    with pytest.raises(NotFoundError, match="no such paper"):
        registry.publish("a", {"x.json": b"1"}, {}, now=now, papers=papers)
    assert verify_registry(registry.root).head == before
    assert not any(registry.layout.tmp.iterdir())


def test_without_the_logs_key_no_paper_is_even_written(registry, now, tmp_path):
    written = []
    elsewhere = Registry.open(registry.root, trust=Trust(tmp_path / "other"))
    with pytest.raises(NotFoundError, match="copy it from the machine that has it"):
        elsewhere.publish("a", {"x.json": b"1"}, {}, now=now, papers=written.append)
    assert written == []


def test_a_broken_version_before_is_named_and_nothing_is_built_on_it(registry, now):
    path = registry.layout.blob(registry.find("3").model.content.digest)
    path.chmod(0o644)
    path.write_bytes(b"broken")
    with pytest.raises(IntegrityError, match=r"the manifest of helpdesk@3"):
        registry.publish("helpdesk", {"bundle/x.json": b"1"}, {}, now=now)


def test_a_source_that_changes_after_it_was_looked_at_is_stored_as_it_was_checked(tmp_path, now, monkeypatch):
    """What is checked is the copy, which nobody else writes to."""
    registry = Registry.create(tmp_path / "r")
    source = tmp_path / "weights.npy"
    np.save(source, np.zeros(9))
    real = drafting.check_file

    def swapping(path, *, name):
        source.write_bytes(b"\x80\x04K\x01.")
        real(path, name=name)

    monkeypatch.setattr(drafting, "check_file", swapping)
    sound = source.read_bytes()
    release = registry.publish("a", {"bundle/weights.npy": source}, {}, now=now)
    assert registry.read_file(release, "bundle/weights.npy") == sound
