from datetime import UTC, datetime, timedelta

import pytest

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry.content.disk import write_new
from smallcraft.registry.tlog.entry import Content
from smallcraft.registry.trash import purge, purge_unneeded, put_aside, restore_from_trash

DAY = datetime(2026, 10, 1, 23, 59, tzinfo=UTC)
DATA = b"nobody needs this"
DIGEST = digest_bytes(DATA)
CONTENT = Content(DIGEST, len(DATA))


@pytest.fixture
def layout(registry):
    write_new(registry.layout.blob(DIGEST), DATA)
    return registry.layout


def name_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_what_is_put_aside_lies_under_its_day(layout):
    put_aside(layout, [CONTENT], day=DAY.date())
    assert (layout.trash / "2026-10-01" / DIGEST.removeprefix("sha256:")).read_bytes() == DATA
    assert not layout.blob(DIGEST).exists()


def test_without_a_day_it_is_gone(layout):
    put_aside(layout, [CONTENT], day=None)
    assert not layout.blob(DIGEST).exists()
    assert not layout.trash.exists()


def test_the_grace_is_never_cut_short_and_then_over(layout):
    put_aside(layout, [CONTENT], day=DAY.date())
    grace = timedelta(days=14)
    assert purge(layout, now=DAY + grace, grace=grace) == []
    assert purge(layout, now=DAY + grace + timedelta(minutes=1), grace=grace) == [CONTENT]
    assert list(layout.trash.iterdir()) == []


def test_a_clock_that_was_set_back_purges_nothing(layout):
    put_aside(layout, [CONTENT], day=DAY.date())
    assert purge(layout, now=DAY - timedelta(days=400), grace=timedelta(days=1)) == []


def test_no_grace_empties_the_trash(layout):
    put_aside(layout, [CONTENT], day=DAY.date())
    assert purge(layout, now=DAY, grace=timedelta(0)) == [CONTENT]


def test_what_is_no_blob_of_a_day_is_left_alone(layout, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_new(elsewhere / DIGEST.removeprefix("sha256:"), DATA)
    (layout.trash / "2026-10-01").mkdir(parents=True)
    (layout.trash / "2026-10-01" / "notes.txt").write_text("mine")
    (layout.trash / "2026-13-01").mkdir()
    (layout.trash / "other").mkdir()
    (layout.trash / "2026-09-01").symlink_to(elsewhere)
    assert purge(layout, now=DAY, grace=timedelta(0)) == []
    assert (layout.trash / "2026-10-01" / "notes.txt").exists()
    assert name_in(elsewhere)


def test_what_was_erased_goes_from_trash_and_quarantine_at_once(layout):
    put_aside(layout, [CONTENT], day=DAY.date())
    layout.quarantine.mkdir()
    for ending in ("", ".2"):
        write_new(layout.quarantine / f"{DIGEST.removeprefix('sha256:')}{ending}", b"rotten")
    other = layout.quarantine / ("0" * 64)
    write_new(other, b"another's")
    purged = purge_unneeded(layout, {DIGEST})
    assert [content.digest for content in purged] == [DIGEST] * 3
    assert name_in(layout.trash) == []
    assert name_in(layout.quarantine) == [other.name]


def test_a_blob_comes_back_from_the_trash_with_its_bytes(registry, layout):
    put_aside(layout, [CONTENT], day=DAY.date())
    assert restore_from_trash(registry, DIGEST) == CONTENT
    assert layout.blob(DIGEST).read_bytes() == DATA
    with pytest.raises(NotFoundError, match="has no blob"):
        restore_from_trash(registry, DIGEST)


def test_of_several_days_the_newest_sound_one_comes_back(registry, layout):
    put_aside(layout, [CONTENT], day=DAY.date())
    later = layout.trash / "2026-10-05"
    later.mkdir()
    write_new(later / DIGEST.removeprefix("sha256:"), b"rotten")
    assert restore_from_trash(registry, DIGEST) == CONTENT
    assert name_in(layout.trash) == name_in(later)


def test_rotten_bytes_do_not_come_back(registry, layout):
    put_aside(layout, [CONTENT], day=DAY.date())
    rotten = layout.trash / "2026-10-01" / DIGEST.removeprefix("sha256:")
    rotten.chmod(0o644)
    rotten.write_bytes(b"rotten")
    with pytest.raises(IntegrityError, match=r"trash/2026-10-01/.* holds other bytes than its name says"):
        restore_from_trash(registry, DIGEST)
    assert rotten.exists()
    assert not layout.blob(DIGEST).exists()


def test_a_path_is_no_digest_to_restore(registry):
    with pytest.raises(InvalidInputError, match="64 hex digits"):
        restore_from_trash(registry, "../../log/checkpoint")
