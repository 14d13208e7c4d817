"""One release is checked without reading the others' files; each step that does not hold is named."""

from __future__ import annotations

import os

import pytest
from tests.registry.decided import DAYS, decided_registry

from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.copies import Copy
from smallcraft.registry.verify.release import verify_release


@pytest.fixture
def made(tmp_path):
    return decided_registry(tmp_path / "registry")


def spoil(registry, digest):
    """One byte of a blob, the last."""
    blob = registry.layout.blob(digest)
    blob.chmod(0o644)
    data = blob.read_bytes()
    blob.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    return blob.name


def blob_of(registry, label, path):
    return registry.find(label).locations[path].file.digest


def test_the_steps_come_in_order_with_what_they_covered(made):
    report = verify_release(made, "helpdesk@2")
    stored = made.find("helpdesk@2")
    assert [(step.name, step.count) for step in report.steps] == [
        ("log", len(made.log().entries)),
        ("copies", 0),
        ("release", len(stored.manifests)),
        ("signature", len(stored.locations)),
        ("decision", 1),
        ("files", len(stored.files)),
    ]
    assert report.head == f"{made.log().checkpoint.size}:{report.root}"
    assert f"helpdesk@2 is entry {len(made.log().entries)}; " in report.steps[2].detail


@pytest.mark.parametrize("reference", ["latest", "helpdesk", "helpdesk@2", "2"])
def test_every_name_of_a_release_means_the_same(made, reference):
    assert verify_release(made, reference) == verify_release(made, "helpdesk@latest")


def test_one_changed_byte_of_any_of_its_files_is_named(made):
    registry = made
    for path, location in registry.find("helpdesk@1").locations.items():
        blob = registry.layout.blob(location.file.digest)
        right = blob.read_bytes()
        name = spoil(registry, location.file.digest)
        with pytest.raises(IntegrityError, match=f"{path}|{name[:12]}"):
            verify_release(registry, "helpdesk@1")
        blob.write_bytes(right)
    verify_release(registry, "helpdesk@1")


def test_what_is_wrong_with_another_release_is_not_its_concern(made):
    spoil(made, blob_of(made, "helpdesk@1", "card.md"))
    verify_release(made, "helpdesk@2")
    # The evidence of the release before is: the delta rests on it.
    spoil(made, blob_of(made, "helpdesk@1", "evaluation/dev.npz"))
    with pytest.raises(IntegrityError, match=r"evaluation/dev\.npz"):
        verify_release(made, "helpdesk@2")


def test_the_delta_to_an_erased_release_can_be_read_and_is_not_computed_again(made):
    made.retire("helpdesk", 1, now=DAYS[1], erase=True)
    spoil(made, blob_of_erased(made))
    report = verify_release(made, "helpdesk@2")
    assert [step.count for step in report.steps if step.name == "decision"] == [1]


def blob_of_erased(registry):
    entry = next(entry for entry in registry.log().entries if entry.kind == "put")
    return entry.manifest.digest


def test_a_checkpoint_kept_elsewhere_must_be_continued(made, tmp_path, monkeypatch):
    older = made.log().note
    made.set_alias("helpdesk", "stable", 1, now=DAYS[1])
    newer = made.log().note
    assert verify_release(made, "latest", copies=(Copy(older, "a"), Copy(newer, "b"))).steps[1].count == 2
    # Whoever put an older log back is found out by who kept the newer checkpoint.
    other = decided_registry(tmp_path / "other")
    with pytest.raises(IntegrityError, match="b: no key of this log signed"):
        verify_release(other, "latest", copies=(Copy(newer, "b"),))


def test_a_retired_release_holds_and_is_noted(made):
    assert verify_release(made, "helpdesk@1").notes == ()
    made.retire("helpdesk", 1, now=DAYS[1])
    assert verify_release(made, "helpdesk@1").notes == ("helpdesk@1 is retired: do not serve it",)


def test_a_release_without_a_decision_says_that_none_was_checked(tmp_path):
    registry = Registry.create(tmp_path / "registry")
    registry.publish("plain", {"bundle/m.json": b"{}"}, {"chosen": "x"}, now=DAYS[0])
    steps = {step.name: step.count for step in verify_release(registry, "plain@1").steps}
    assert (steps["decision"], steps["signature"] > 0) == (0, True)


def test_what_is_not_there_or_was_erased_is_not_verified(made):
    with pytest.raises(NotFoundError, match="version '7'"):
        verify_release(made, "helpdesk@7")
    made.retire("helpdesk", 1, now=DAYS[1], erase=True)
    with pytest.raises(NotFoundError, match="its bytes were erased"):
        verify_release(made, "helpdesk@1")


def test_a_reader_without_keys_or_pins_comes_to_the_same(made, tmp_path):
    stranger = Registry.open(made.root, trust=Trust(tmp_path / "nobody"))
    assert verify_release(stranger, "helpdesk@2") == verify_release(made, "helpdesk@2")
    assert not (tmp_path / "nobody" / "keys").exists()
    assert os.environ["SMALLCRAFT_CONFIG"] != str(tmp_path / "nobody")
