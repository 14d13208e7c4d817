"""Every form has an address of its own below the page that it changes."""

from __future__ import annotations

from smallcraft.dashboard.actions import ACTIONS
from smallcraft.dashboard.pages import PAGES


def test_no_form_has_the_address_of_a_page_or_of_another_form():
    paths = [action.path for action in ACTIONS]
    assert len(set(paths)) == len(paths)
    assert set(paths) & {page.path for page in PAGES} == set()


def test_a_form_is_only_ever_posted(pages):
    for action in ACTIONS:
        path = action.path.replace("{rollout}", "x").replace("{campaign}", "x").replace("{alarm:path}", "x")
        assert pages.ask(path).status in {404, 405}
