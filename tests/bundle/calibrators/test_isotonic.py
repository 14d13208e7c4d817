"""A rising map a class."""

from __future__ import annotations

import math

import numpy as np
import pytest

from smallcraft.bundle.calibrators.isotonic import Isotonic
from smallcraft.errors import BundleFormatError

MAPS = {"knots": [[0.0, 1.0], [0.2, 0.4]], "values": [[0.1, 0.5], [0.2, 0.8]]}


def test_each_class_is_mapped_by_its_own_line_and_the_row_is_normalised():
    found = Isotonic.read(MAPS).apply(np.array([[0.5, 0.3], [0.0, 1.0]]))
    assert np.allclose(found, [[0.3 / 0.8, 0.5 / 0.8], [0.1 / 0.9, 0.8 / 0.9]])


@pytest.mark.parametrize(
    "change",
    [
        *({"knots": value} for value in ([], [[0.0, 1.0]], [[0.0, 1.0], [0.4, 0.2]], [[0.0, 1.0], []], None)),
        *({"values": [[0.1, 0.5], value]} for value in ([0.8, 0.2], [0.0, 0.5], [0.2], [0.2, math.nan])),
    ],
    ids=str,
)
def test_what_is_no_rising_map_of_positive_values_is_refused(change):
    with pytest.raises(BundleFormatError, match="a rising map of positive values for each class"):
        Isotonic.read(MAPS | change)
