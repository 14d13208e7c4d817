"""Questions out of scope enter a stream of questions; apostrophes come in another encoding.

All seeds, with delays and enrichments: docs/drift.md.
"""

from __future__ import annotations

import pytest
from benchmarks.drift.questions import helpdesk, is_misread, misread, out_of_scope, play
from benchmarks.drift.real import ENTERS, LEAST_ENRICHED, MOST_WINDOWS, REVIEWED

from smallcraft.observe.settings import WatchSettings

pytestmark = pytest.mark.realdata

QUIET = 200
SETTINGS = WatchSettings(rows_for_review=REVIEWED)


@pytest.fixture(scope="module")
def desk(shared_data):
    return helpdesk("ngram")


@pytest.fixture(scope="module")
def entered(desk, tmp_path_factory):
    folder = tmp_path_factory.mktemp("entered")
    return play(desk, folder, out_of_scope(desk, ENTERS), settings=SETTINGS, quiet=QUIET, waits=60, seed=0)


def test_questions_out_of_scope_raise_an_alarm(entered):
    """Five windows on average are asked for; docs/drift.md says what it takes, and what an encoder does."""
    assert entered.share == pytest.approx(ENTERS)
    assert entered.delay <= 2 * MOST_WINDOWS


def test_the_review_batch_is_enriched_in_them(entered):
    assert entered.batch >= LEAST_ENRICHED * entered.share
    assert entered.targeted > entered.batch


def test_a_fault_of_an_encoding_is_named_by_its_token(desk, tmp_path):
    broken = play(desk, tmp_path, misread, settings=SETTINGS, quiet=QUIET, waits=20, seed=0)
    assert is_misread(broken.alarm.explanation.words[0].token)
