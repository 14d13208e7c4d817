"""An alarm is closed from its page as by the command line: with an ending, a reason and a name."""

from __future__ import annotations

import pytest
from tests.dashboard.watched import csrf_of, signed_in, visitor

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.closing import close_alarm
from smallcraft.dashboard.sources import Sources
from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.observe.alarms import Ending
from smallcraft.observe.journal import Journal
from smallcraft.pipeline.watching.project import WatchPlaces

FORM = {"ending": "fixed", "note": "the gateway was mended", "by": "ann"}


def alarm_of(folder):
    with Journal(WatchPlaces(folder).root) as journal:
        return journal.alarms()[-1]


@pytest.mark.parametrize("ending", list(Ending))
def test_a_form_closes_it_with_its_ending_reason_and_name(watched, ending):
    browser, page = signed_in(watched), f"/drift/{alarm_of(watched).id}"
    form = {**FORM, "ending": ending.value, "csrf": csrf_of(browser.get(page).text)}
    answer = browser.post(f"{page}/close", data=form)
    assert answer.status_code == 200
    assert f"closed as {ending.value} by ann" in answer.text
    closing = alarm_of(watched).closing
    assert (closing.ending, closing.by, closing.note) == (ending, "ann", "the gateway was mended")
    assert 'name="ending"' not in answer.text


def test_without_the_token_it_stays_open(watched):
    page = f"/drift/{alarm_of(watched).id}"
    assert 'name="ending"' not in visitor(watched).get(page).text
    for browser in (visitor(watched), visitor(watched, token=None), signed_in(watched)):
        assert browser.post(f"{page}/close", data={**FORM, "csrf": "guessed"}).status_code == 403
    assert alarm_of(watched).is_open


@pytest.mark.parametrize(
    ("change", "says"),
    [({"ending": "over"}, "choose one"), ({"note": " "}, "got no why"), ({"by": ""}, "got no who closes it")],
)
def test_a_form_that_lacks_something_is_refused_with_the_remedy(watched, change, says):
    with pytest.raises(InvalidInputError, match=says):
        close_alarm(Sources(watched), Asked({"alarm": alarm_of(watched).id}, {**FORM, **change}))
    assert alarm_of(watched).is_open


def test_what_is_closed_already_is_told_and_not_closed_again(watched):
    asked = Asked({"alarm": alarm_of(watched).id}, FORM)
    close_alarm(Sources(watched), asked)
    with pytest.raises(InvalidInputError, match="a closed alarm does not change"):
        close_alarm(Sources(watched), Asked(asked.path, {**FORM, "by": "bob"}))
    assert alarm_of(watched).closing.by == "ann"


def test_an_alarm_that_is_not_there_is_told(watched):
    with pytest.raises(NotFoundError, match="there is no alarm 'x'"):
        close_alarm(Sources(watched), Asked({"alarm": "x"}, FORM))
