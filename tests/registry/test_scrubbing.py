import shutil
from datetime import datetime, timedelta

import pytest
from tests.registry.killed_runs import run_killed

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry.collecting import collect_garbage
from smallcraft.registry.content.disk import write_new
from smallcraft.registry.scrubbing import scrub
from smallcraft.registry.state import State
from smallcraft.registry.verify.registry import verify_registry


def spoil(path, data=b"rotten"):
    path.chmod(0o644)
    path.write_bytes(data)


def blob_of(registry, label, path):
    digest = next(file.digest for file in registry.read(label).files if file.path == path)
    return registry.layout.blob(digest)


@pytest.fixture
def copy(registry, tmp_path):
    """A copy of the registry as it was when it was sound."""
    return shutil.copytree(registry.root, tmp_path / "copy")


@pytest.fixture
def weights(registry):
    return blob_of(registry, "helpdesk@2", "bundle/model.json")


def test_a_sound_registry_is_read_whole(registry, now):
    blobs = list(registry.layout.blobs.iterdir())
    found = scrub(registry, budget_bytes=None, now=now)
    assert (found.checked, found.waiting, found.damaged) == (len(blobs), 0, ())
    assert found.checked_bytes == sum(path.stat().st_size for path in blobs)
    assert found.is_whole
    assert set(State(registry.layout.database).scrubbed()) == {f"sha256:{path.name}" for path in blobs}


def test_small_budgets_come_round_to_every_blob_longest_unchecked_first(registry, now):
    count = len(list(registry.layout.blobs.iterdir()))
    runs = []
    while len(State(registry.layout.database).scrubbed()) < count:
        runs.append(scrub(registry, budget_bytes=2000, now=now + timedelta(hours=len(runs))))
        assert len(runs) < 50
    assert sum(run.checked for run in runs[:-1]) < count
    assert sum(run.checked for run in runs) <= count + runs[-1].checked
    assert all(run.checked_bytes <= 2000 or run.checked == 1 for run in runs)
    times = State(registry.layout.database).scrubbed()
    oldest = {digest for digest, time in times.items() if time == min(times.values())}
    later = now + timedelta(days=9)
    scrub(registry, budget_bytes=0, now=later)
    again = State(registry.layout.database).scrubbed()
    assert {digest for digest, time in again.items() if time == later.isoformat()} <= oldest


def test_a_blob_larger_than_the_budget_gets_its_turn(registry, now):
    assert scrub(registry, budget_bytes=0, now=now).checked == 1


def test_wrong_bytes_are_set_aside_and_named_with_their_releases(registry, now):
    tokenizer = blob_of(registry, "helpdesk@1", "bundle/tokenizer.json")
    spoil(tokenizer)
    found = scrub(registry, budget_bytes=None, now=now)
    assert not found.is_whole
    (damaged,) = found.damaged
    assert damaged.users == ("helpdesk@1", "helpdesk@2", "helpdesk@3")
    assert damaged.quarantined == f"quarantine/{tokenizer.name}"
    assert (registry.root / damaged.quarantined).read_bytes() == b"rotten"
    assert "it holds 6 bytes with sha256:" in str(damaged)
    assert "restore it from a copy" in str(damaged)
    with pytest.raises(IntegrityError, match=f"{tokenizer.name}.* is missing"):
        verify_registry(registry.root)


def test_right_bytes_are_fetched_from_a_copy(registry, now, weights, copy):
    sound = weights.read_bytes()
    spoil(weights, b"x" * len(sound))
    found = scrub(registry, budget_bytes=None, now=now, source=copy)
    assert found.is_whole
    assert [blob.is_healed for blob in found.damaged] == [True]
    assert "the right bytes were fetched" in str(found.damaged[0])
    assert weights.read_bytes() == sound
    assert weights.stat().st_mode & 0o777 == 0o444
    assert list(registry.layout.tmp.iterdir()) == []
    verify_registry(registry.root)
    assert scrub(registry, budget_bytes=None, now=now).damaged == ()


def test_a_copy_that_is_rotten_too_heals_nothing(registry, now, weights, copy):
    spoil(weights)
    spoil(copy / "blobs" / "sha256" / weights.name, b"rotten as well")
    found = scrub(registry, budget_bytes=None, now=now, source=copy)
    assert [blob.is_healed for blob in found.damaged] == [False]
    assert not weights.exists()
    assert list(registry.layout.tmp.iterdir()) == []


def test_a_link_in_a_copy_is_not_followed(registry, now, weights, copy, tmp_path):
    theirs = copy / "blobs" / "sha256" / weights.name
    theirs.rename(tmp_path / "elsewhere")
    theirs.symlink_to(tmp_path / "elsewhere")
    spoil(weights)
    assert not scrub(registry, budget_bytes=None, now=now, source=copy).is_whole


def test_what_is_missing_is_named_until_a_copy_has_it(registry, now, weights, copy):
    weights.unlink()
    found = scrub(registry, budget_bytes=None, now=now)
    assert [(blob.users, blob.quarantined, blob.is_healed) for blob in found.damaged] == [
        (("helpdesk@2",), None, False)
    ]
    assert "the file is missing" in str(found.damaged[0])
    assert scrub(registry, budget_bytes=0, now=now, source=copy).is_whole
    verify_registry(registry.root)


def test_a_lost_manifest_and_what_only_it_names_come_back_in_one_run(registry, now, weights, copy):
    manifest = registry.layout.blob(registry.read("helpdesk@2").manifest_digest)
    spoil(manifest)
    weights.unlink()
    found = scrub(registry, budget_bytes=None, now=now, source=copy)
    assert {blob.digest for blob in found.damaged} == {
        f"sha256:{manifest.name}",
        f"sha256:{weights.name}",
    }
    assert found.is_whole
    verify_registry(registry.root)


def test_a_blob_that_rots_twice_keeps_both_in_quarantine(registry, now, weights, copy):
    for data in (b"first", b"second"):
        spoil(weights, data)
        assert scrub(registry, budget_bytes=None, now=now, source=copy).is_whole
    aside = registry.layout.quarantine
    assert (aside / weights.name).read_bytes() == b"first"
    assert (aside / f"{weights.name}.2").read_bytes() == b"second"


def test_a_link_in_place_of_a_blob_is_set_aside_itself(registry, now, weights, copy, tmp_path):
    weights.rename(tmp_path / "elsewhere")
    weights.symlink_to(tmp_path / "elsewhere")
    found = scrub(registry, budget_bytes=None, now=now, source=copy)
    assert [blob.found for blob in found.damaged] == ["it is no plain file"]
    assert (registry.layout.quarantine / weights.name).is_symlink()
    assert found.is_whole
    verify_registry(registry.root)


def test_rotten_bytes_that_nothing_needs_are_set_aside_and_never_fetched(registry, now, copy):
    stored = registry.find("helpdesk@2")
    weights = blob_of(registry, "helpdesk@2", "bundle/model.json")
    registry.retire("helpdesk", 2, now=now, erase=True)
    spoil(weights)
    planted = registry.layout.blobs / ("0" * 64)
    write_new(planted, b"its name lies")
    found = scrub(registry, budget_bytes=None, now=now, source=copy)
    assert found.is_whole
    assert {blob.users for blob in found.damaged} == {()}
    assert "nothing needs it" in str(found.damaged[0])
    assert not weights.exists()
    assert not planted.exists()
    collect_garbage(registry, now=now)
    assert not registry.layout.blob(stored.model.content.digest).exists()
    verify_registry(registry.root)


def test_a_broken_log_is_named_before_any_blob_is_read(registry, now):
    (bundle,) = registry.layout.log.glob("tile/entries/000.p/*")
    spoil(bundle, bundle.read_bytes()[:-1] + b"!")
    with pytest.raises(IntegrityError, match="entry"):
        scrub(registry, budget_bytes=None, now=now)
    assert State(registry.layout.database).scrubbed() == {}


def test_a_broken_tile_is_named_although_the_log_was_read_before(registry, now):
    registry.log()
    (tile,) = registry.layout.log.glob("tile/0/000.p/*")
    data = bytearray(tile.read_bytes())
    data[0] ^= 1
    spoil(tile, bytes(data))
    with pytest.raises(IntegrityError, match=r"tile/0/000\.p"):
        scrub(registry, budget_bytes=None, now=now)


def test_progress_ends_at_what_is_read(registry, now):
    seen = []
    found = scrub(registry, budget_bytes=None, now=now, progress=lambda done, of: seen.append((done, of)))
    assert seen[-1] == (found.checked_bytes, found.checked_bytes)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_run_that_is_stopped_goes_on_where_it_was(registry, now):
    def stop(done, of):
        if done > of // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scrub(registry, budget_bytes=None, now=now, progress=stop)
    noted = State(registry.layout.database).scrubbed()
    blobs = list(registry.layout.blobs.iterdir())
    assert 0 < len(noted) < len(blobs)
    rest = sum(path.stat().st_size for path in blobs if f"sha256:{path.name}" not in noted)
    scrub(registry, budget_bytes=rest, now=now + timedelta(hours=1))
    assert len(State(registry.layout.database).scrubbed()) == len(blobs)


def test_bad_questions_are_refused_with_the_remedy(registry, now, tmp_path):
    with pytest.raises(InvalidInputError, match="the budget must not be negative, got -1"):
        scrub(registry, budget_bytes=-1, now=now)
    with pytest.raises(InvalidInputError, match="must carry a time zone"):
        scrub(registry, budget_bytes=None, now=datetime(2026, 10, 1))
    with pytest.raises(InvalidInputError, match="is the registry itself"):
        scrub(registry, budget_bytes=None, now=now, source=registry.root)
    with pytest.raises(NotFoundError, match=r"no registry at .*, blobs/sha256 is not there"):
        scrub(registry, budget_bytes=None, now=now, source=tmp_path / "nowhere")


KILLED = """
from smallcraft.registry.scrubbing import scrub
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry

NOW = datetime(2026, 10, 1, tzinfo=UTC)

def prepare(folder):
    registry = Registry.create(folder / "registry")
    registry.publish("a", {"bundle/x.json": b"[1]", "bundle/y.json": b"[]"}, {}, now=NOW)
    shutil.copytree(registry.root, folder / "copy")
    release = registry.read("a@1")
    for file in release.files:
        if file.path.startswith("bundle/"):
            blob = registry.layout.blob(file.digest)
            blob.chmod(0o644)
            blob.write_bytes(b"rotten")

def act(folder):
    registry = Registry.open(folder / "registry")
    scrub(registry, budget_bytes=None, now=NOW, source=folder / "copy")

def settle(folder):
    act(folder)
    registry = Registry.open(folder / "registry")
    verify_registry(registry.root)
    return sorted(path.read_text() for path in registry.layout.quarantine.iterdir())
"""


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_a_scrub_killed_at_any_step_is_finished_by_the_next_and_loses_nothing(tmp_path, every):
    steps = run_killed(KILLED, tmp_path, every=every)
    assert len(steps) > 20 / every
    assert all(step == ["rotten", "rotten"] for step in steps)
