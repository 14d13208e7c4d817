from __future__ import annotations

import jinja2
import pytest
from markupsafe import Markup

from smallcraft.pipeline.templates import page_environment


def render(source: str, **values: object) -> str:
    return page_environment(lambda text: text.replace("\x00", "?")).from_string(source).render(values)


def test_plain_text_is_cleaned_and_escaped_and_markup_is_neither():
    assert render("{{ text }}", text="<b>\x00") == "&lt;b&gt;?"
    assert render("{{ text }}", text=Markup("<b>\x00")) == "<b>\x00"


def test_a_name_that_is_not_there_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        render("{{ nobody }}")


@pytest.mark.parametrize("name", ["report.html.jinja", "check.html.jinja"])
def test_the_pages_are_found(name):
    environment = page_environment(str)
    environment.filters |= {"pieces": str, "words": str, "quote": str}
    assert environment.get_template(name).name == name
