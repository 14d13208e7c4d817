"""Rules that turn one measurement into a verdict, one a file; this table is the list of them.

Always: a missing measurement, or one without a value, never passes.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.contracts import Rule
from smallcraft.gates.rules.at_least import AtLeast
from smallcraft.gates.rules.at_most import AtMost

BUILTIN: Mapping[str, Rule] = {"at_least": AtLeast(), "at_most": AtMost()}
