"""The page with the learning curve: its words, its points, and nothing that has to run."""

from __future__ import annotations

import re

import numpy as np
import pytest

from smallcraft.models.curve import Trained
from smallcraft.pipeline.learning import QUALITIES, Learned
from smallcraft.pipeline.learning_chart import curve_page, draw_curve_chart
from smallcraft.stats.learning_curve import fit_learning_curve


@pytest.fixture(scope="module")
def learned() -> Learned:
    rng = np.random.default_rng(0)
    sizes = [100, 250, 500, 1000]
    losses = [(rng.random((3, 400)) < 2 * n**-0.4).astype(float) for n in sizes]
    trained = tuple(Trained(n, found, 1.0) for n, found in zip(sizes, losses, strict=True))
    curve = fit_learning_curve(sizes, losses, rng=rng, draws=200)
    return Learned("ngram", QUALITIES["multiclass"], 400, trained, curve, None)


def test_every_point_is_drawn_with_its_numbers(learned):
    page = curve_page(learned, ["Twice the rows would help."])
    titles = re.findall(r"<title>(\d[^<]*)</title>", page)
    assert len(titles) == 6
    point = learned.points[-1]
    assert f"1,000 rows: {point.value:.4f} [{point.low:.4f}, {point.high:.4f}], measured" in titles
    assert sum(title.endswith("foretold") for title in titles) == 2


def test_nothing_runs_and_nothing_is_fetched(learned):
    page = curve_page(learned, ["<script>alert(1)</script> & so on"])
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page


def test_the_axis_is_quality_by_rows(learned):
    drawn = draw_curve_chart(learned).to_dict(validate=False)
    encodings = drawn["layer"][1]["encoding"]
    assert encodings["x"]["scale"]["type"] == "log"
    assert encodings["y"]["title"] == "accuracy on dev"
