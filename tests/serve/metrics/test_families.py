import re

import pytest

from smallcraft.serve.metrics.families import FAMILIES

UNITS = ("seconds", "bytes", "ratio", "rows", "total", "info")


@pytest.mark.parametrize("name", FAMILIES)
def test_names_follow_prometheus_conventions(name):
    family = FAMILIES[name]
    assert re.fullmatch(r"smallcraft_[a-z][a-z_]*[a-z]", name)
    assert name.endswith("_total") is (family.kind == "counter")
    assert family.kind != "histogram" or name.rpartition("_")[2] in UNITS
    # These ends belong to the parts of a histogram.
    assert not name.endswith(("_count", "_sum", "_bucket"))
    assert "milli" not in name
    assert family.about.endswith(".")


@pytest.mark.parametrize("name", FAMILIES)
def test_labels_are_words_and_none_is_reserved(name):
    labels = FAMILIES[name].labels
    assert all(re.fullmatch(r"[a-z]+", label) for label in labels)
    assert not {"le", "quantile", "job", "instance"} & set(labels)
    assert len(set(labels)) == len(labels)
