from __future__ import annotations

import json

import numpy as np
import pytest

from smallcraft.cli.main import run
from smallcraft.pipeline import diagnosis
from smallcraft.pipeline.diagnosis import Diagnosis
from smallcraft.pipeline.workspace import Workspace


def test_this_machine_is_well(capsys):
    assert run(["doctor"]) == 0
    out = capsys.readouterr().out
    assert f"numpy: {np.__version__}\n" in out
    assert "wrong" not in out
    assert run(["doctor", "--json"]) == 0
    assert {"subject", "is_fine", "is_required", "detail"} == set(json.loads(capsys.readouterr().out)[0])


@pytest.mark.parametrize(("is_required", "code", "mark"), [(True, 1, "wrong"), (False, 0, "absent")])
def test_only_what_is_required_and_missing_is_an_error(monkeypatch, capsys, is_required, code, mark):
    missing = Diagnosis(
        "polars", False, is_required=is_required, detail="not installed; run `pip install polars`"
    )
    monkeypatch.setattr(diagnosis, "diagnose_machine", lambda: (missing,))
    assert run(["doctor"]) == code
    out = capsys.readouterr().out
    assert out.startswith(mark)
    assert "polars: not installed; run `pip install polars`" in out


def test_a_bundle_is_tested_on_this_machine(small, capsys):
    bundle = next(Workspace(small).bundles.glob("ngram-*"))
    assert run(["doctor", str(bundle)]) == 0
    assert "32 of 32 golden rows get the same label" in capsys.readouterr().out
    (bundle / "selfcheck.npz").write_bytes(b"")
    assert run(["doctor", str(bundle)]) == 4


def test_what_is_compiled_at_first_use_can_be_compiled_ahead(capsys):
    assert run(["doctor", "--compile"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "compiled; a first check has nothing to wait for",
        "next  smallcraft init DATA",
    ]
