from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.pipeline.builds import make_build

from smallcraft.pipeline.pictures import class_drawing, cost_drawing, reliability_drawing
from smallcraft.pipeline.report_parts.points import MOST_CLASSES
from smallcraft.pipeline.report_parts.reliability import describe_reliability


def test_a_picture_of_costs_says_in_words_what_each_candidate_did_and_cost():
    result = make_build()
    drawing = cost_drawing(result.candidates, result.decision)
    assert drawing.alt.startswith("macro_f1 on dev against CPU-seconds per 1,000 predictions: majority 0.021")
    assert "cascade 0.944 at 0.592 s" in drawing.alt
    assert "tuned" not in drawing.alt


def test_a_picture_of_classes_says_how_many_it_shows_and_which_is_lowest():
    result = make_build()
    drawing = class_drawing(result.candidates, result.decision)
    assert drawing.alt.startswith(f"F1 on dev of {MOST_CLASSES} classes, lowest first; lowest intent_")
    assert (
        drawing.caption == f"The {MOST_CLASSES} classes with the lowest F1 of cascade on dev, with intervals."
    )


def test_a_picture_of_confidence_says_the_gap():
    reliability = describe_reliability(np.full(20, 0.9), np.arange(20) < 10)
    assert reliability_drawing(reliability).alt.endswith(reliability.sentence)
    assert "40.0 points too sure" in reliability.sentence


def test_where_nothing_was_measured_there_is_no_picture():
    result = make_build()
    nobody = replace(result.decision, chosen=None)
    assert cost_drawing((), result.decision) is None
    assert class_drawing(result.candidates, nobody) is None
    assert reliability_drawing(None) is None


def test_each_picture_has_a_file_name_of_its_own():
    result = make_build()
    drawings = (
        cost_drawing(result.candidates, result.decision),
        class_drawing(result.candidates, result.decision),
        reliability_drawing(describe_reliability(np.full(20, 0.9), np.arange(20) < 18)),
    )
    assert len({drawing.name for drawing in drawings}) == 3
