"""Audits: what a candidate costs, and whom; each gives measurements, none gives a verdict."""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.evaluate.audits.audit import Audit
from smallcraft.evaluate.audits.compression import CompressionAudit
from smallcraft.evaluate.audits.cost import CostAudit
from smallcraft.evaluate.audits.counterfactual import CounterfactualAudit
from smallcraft.evaluate.audits.failures import FailuresAudit
from smallcraft.evaluate.audits.fairness import FairnessAudit
from smallcraft.evaluate.audits.leakage import LeakageAudit
from smallcraft.evaluate.audits.privacy import PrivacyAudit
from smallcraft.evaluate.audits.robustness import RobustnessAudit
from smallcraft.evaluate.audits.scope import ScopeAudit
from smallcraft.evaluate.audits.shift import ShiftAudit
from smallcraft.evaluate.audits.sparsity import SparsityAudit
from smallcraft.evaluate.audits.teacher import TeacherAudit

BUILTIN: Mapping[str, Audit] = {
    "compression": CompressionAudit(),
    "cost": CostAudit(),
    "counterfactual": CounterfactualAudit(),
    "failures": FailuresAudit(),
    "fairness": FairnessAudit(),
    "leakage": LeakageAudit(),
    "privacy": PrivacyAudit(),
    "robustness": RobustnessAudit(),
    "scope": ScopeAudit(),
    "shift": ShiftAudit(),
    "sparsity": SparsityAudit(),
    "teacher": TeacherAudit(),
}
