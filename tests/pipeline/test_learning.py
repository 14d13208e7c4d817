"""What more labels would buy: of a project, without a look at cert."""

from __future__ import annotations

import json

import jsonschema
import pytest
from tests.conftest import ROOT
from tests.projects import change_project, person_rows, write_messages, write_rows

from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.learning import QUALITIES, draw_curve
from smallcraft.stats.learning_curve import CurvePoint

SCHEMA = json.loads((ROOT / "docs" / "schemas" / "curve.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return write_messages(
        tmp_path_factory.mktemp("curve") / "p", rows=300, more='[ladder]\nbackbone = "none"\n'
    )


@pytest.fixture(scope="module")
def learned(project):
    return draw_curve(load_config(project), SilentListener(), repeats=2)


def test_the_sizes_are_shares_of_the_train_rows(learned):
    shares = [point.rows / learned.rows for point in learned.points]
    assert shares == pytest.approx([0.10, 0.25, 0.50, 1.0], abs=0.01)
    assert learned.rows == pytest.approx(210, abs=2)
    assert learned.judging_rows == pytest.approx(45, abs=2)


def test_text_without_an_encoder_is_learnt_by_n_grams(learned):
    assert learned.rung == "ngram"
    assert learned.quality.name == "accuracy"


def test_quality_grows_and_each_interval_holds_its_point(learned):
    points = learned.points
    assert points[-1].value > points[0].value
    assert all(point.low <= point.value <= point.high for point in (*points, *learned.ahead))
    assert [point.rows for point in learned.ahead] == [2 * learned.rows, 4 * learned.rows]


def test_what_was_foretold_stands_beside_what_was_measured(learned):
    told = learned.as_json()["foretold"]
    assert told["rows"] == learned.rows
    assert told["measured"] == learned.points[-1].value
    assert told["has_held"] == (told["low"] <= told["measured"] <= told["high"])


def test_the_object_for_scripts_follows_its_schema(learned):
    told = json.loads(json.dumps(learned.as_json(), allow_nan=False))
    jsonschema.validate(told, SCHEMA)
    assert [point["repeats"] for point in told["points"]] == [2, 2, 2, 1]
    assert told["doubling"]["low"] >= 0


def test_the_same_seed_tells_the_same(project, learned):
    again = draw_curve(load_config(project), SilentListener(), repeats=2).as_json()
    assert json.dumps(_timeless(again)) == json.dumps(_timeless(learned.as_json()))


def _timeless(told):
    points = [{**point, "train_cpu_s": 0} for point in told["points"]]
    return {**told, "points": points}


def test_a_table_is_learnt_by_trees_and_a_key_keeps_its_rows_together(tmp_path):
    rows = person_rows(200)
    rows["home"] = [f"h{row // 4}" for row in range(200)]
    data = 'features = ["age", "job", "insured"]\nlabel = "bought"\nkey = "home"'
    project = write_rows(tmp_path / "p", rows, data=data, more="")
    found = draw_curve(load_config(project), SilentListener(), rung="linear", repeats=2)
    assert found.rung == "linear"
    assert found.quality.name == "accuracy"


@pytest.mark.parametrize(
    ("rung", "message"), [("nothing", "'nothing' is not one of"), ("frozen", "backbone")]
)
def test_a_rung_that_is_not_there_or_lacks_something_is_refused(project, rung, message):
    from smallcraft.errors import SmallcraftError

    with pytest.raises(SmallcraftError, match=message):
        draw_curve(load_config(project), SilentListener(), rung=rung, repeats=2)


def test_one_draw_says_nothing_of_draws(project):
    with pytest.raises(InvalidInputError, match="repeats must be 2 or more, got 1; 3 is usual"):
        draw_curve(load_config(project), SilentListener(), repeats=1)


def test_a_loss_is_turned_into_a_quality_with_its_ends():
    loss = CurvePoint(10, 0.25, 0.125, 0.5)
    assert QUALITIES["multiclass"].of(loss) == CurvePoint(10, 0.75, 0.5, 0.875)
    assert QUALITIES["regression"].of(loss) is loss


def test_augment_and_sample_do_not_change_the_curve(tmp_path, learned):
    """The curve is about rows that people label."""
    other = write_messages(tmp_path / "p", rows=300, more='[ladder]\nbackbone = "none"\n')
    change_project(other, "[ladder]", "[ladder]\naugment = 1")
    found = draw_curve(load_config(other), SilentListener(), repeats=2)
    assert [point.value for point in found.points] == [point.value for point in learned.points]
