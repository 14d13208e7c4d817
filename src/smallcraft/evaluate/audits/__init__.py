"""Audits: what a candidate costs, and whom; each gives measurements, none gives a verdict."""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.evaluate.audits.audit import Audit
from smallcraft.evaluate.audits.cost import CostAudit

BUILTIN: Mapping[str, Audit] = {"cost": CostAudit()}
