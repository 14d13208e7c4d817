"""What pages read: again only when files changed; what cannot be read is told in its place."""

from __future__ import annotations

import pytest
from tests.dashboard.showing import STABLE
from tests.serving_projects import taking_orders

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.pages import PAGES
from smallcraft.dashboard.sources import Sources, read_part, stamp_of
from smallcraft.errors import IntegrityError, NotFoundError


def test_a_part_is_computed_again_only_when_its_stamp_is_another(tmp_path):
    sources, made = Sources(tmp_path), []

    def make():
        made.append(len(made))
        return made[-1]

    assert [sources.remember("x", stamp, make) for stamp in "aab"] == [0, 0, 1]


def test_an_error_is_not_remembered(tmp_path):
    sources = Sources(tmp_path)

    def fail():
        raise IntegrityError("broken")

    with pytest.raises(IntegrityError):
        sources.remember("x", "a", fail)
    assert sources.remember("x", "a", lambda: 5) == 5


def test_a_stamp_changes_with_content_and_with_being_there(tmp_path):
    path, stamps = tmp_path / "f", []
    stamps.append(stamp_of([path]))
    path.write_text("a")
    stamps.append(stamp_of([path]))
    path.write_text("ab")
    stamps.append(stamp_of([path]))
    assert len(set(stamps)) == 3
    assert stamp_of([path]) == stamps[-1]


def test_reading_a_page_does_not_change_what_any_page_depends_on(rolled_copy):
    sources = Sources(rolled_copy)
    listed = [page for page in PAGES if "{" not in page.path]
    before = [page.stamp(sources) for page in listed]
    with sources.journal():  # as another reader has it open
        for page in listed:
            page.read(sources, Asked())
            assert [one.stamp(sources) for one in listed] == before


@pytest.mark.parametrize(
    ("error", "is_absent"), [(NotFoundError("none yet"), True), (IntegrityError("bad"), False)]
)
def test_what_is_absent_and_what_is_broken_are_told_apart(error, is_absent):
    def fail():
        raise error

    part = read_part(fail)
    assert (part.value, part.problem, part.is_absent) == (None, str(error), is_absent)


def test_of_a_project_that_is_empty_every_part_is_absent_and_nothing_is_written(tmp_path):
    sources = Sources(tmp_path)
    for read in (sources.registry, sources.last_build, sources.rollouts, sources.watch):
        assert read_part(read).is_absent
    assert sources.server() is None
    assert sources.server_stamp() == ""
    assert list(tmp_path.iterdir()) == []


def test_the_stamp_of_the_server_tells_who_answers(tmp_path):
    with taking_orders(tmp_path / ".smallcraft/serving", rows=STABLE):
        sources = Sources(tmp_path)
        assert sources.server()["models"]["rows"]["stable"]["label"] == STABLE.label
        assert sources.server_stamp() == Sources(tmp_path).server_stamp() != ""
        sources.sample()
        assert sources.traffic.last is None
