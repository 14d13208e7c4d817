"""Plans are read without torch, and say so in what they are named by."""

from __future__ import annotations

import subprocess
import sys

from smallcraft.canonical import digest_value
from smallcraft.models.tuning.plan import TrainPlan, TuningPlan


def test_plans_and_rungs_are_read_without_torch():
    modules = "tuning.plan", "tuning.rung", "rungs.tuned", "rungs.lora"
    imports = "; ".join(f"import smallcraft.models.{module}" for module in modules)
    loaded = "[name for name in ('torch', 'peft', 'transformers') if name in sys.modules]"
    code = f"import sys; {imports}; print({loaded})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_another_plan_has_another_digest():
    plans = [TuningPlan(), TuningPlan(layers=3), TuningPlan(train=TrainPlan(epochs=1)), TuningPlan(rank=8)]
    assert len({digest_value(plan) for plan in plans}) == len(plans)
