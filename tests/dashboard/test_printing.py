"""How pages are printed: escaped, strict about names, shares as people read them."""

from __future__ import annotations

import jinja2
import pytest

from smallcraft.dashboard.printing import as_share, pages_environment


def test_text_is_escaped_wherever_it_stands():
    text = pages_environment().from_string('<p title="{{ x }}">{{ x }}</p>').render(x='<script>"')
    assert "<script>" not in text
    assert text.count("&lt;script&gt;") == 2


def test_a_name_that_is_not_there_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        pages_environment().from_string("{{ nothing }}").render()


@pytest.mark.parametrize("name", sorted(pages_environment().list_templates()))
def test_every_template_can_be_read(name):
    assert pages_environment().get_template(name)


def test_a_small_share_is_not_shown_as_none():
    assert as_share(0.00001) != as_share(0.0)
    assert as_share(0.999) == "100 %"
    assert as_share(None) == "not measured"
