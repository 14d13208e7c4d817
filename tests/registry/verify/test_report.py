import dataclasses

import pytest

from smallcraft.registry.verify.report import Step, VerifyReport


def test_a_report_says_what_held_and_cannot_be_changed():
    report = VerifyReport((Step("log", "each entry lies under the root", 3),))
    assert (report.head, report.root, report.notes) == (None, None, ())
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.head = "3:sha256:0"
