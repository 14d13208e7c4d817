from pathlib import Path

from smallcraft.evaluate.audits import BUILTIN
from smallcraft.evaluate.audits.audit import AuditSubject


def test_every_audit_is_listed_by_its_name():
    assert {key: audit.name for key, audit in BUILTIN.items()} == {key: key for key in BUILTIN}


def test_a_subject_without_truth_or_groups_says_so():
    subject = AuditSubject({"text": ["a"]}, seed=0, bundle=Path("bundle"))
    assert subject.predictions is None
    assert dict(subject.groups) == {}
