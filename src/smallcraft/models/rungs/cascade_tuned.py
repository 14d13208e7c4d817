"""A small cascade whose second stage is the tuned encoder; both read one table of the pieces that matter."""

from __future__ import annotations

from smallcraft.models.rungs.cascade import Cascade
from smallcraft.models.rungs.lean import LEAN, MARGIN, fast_over

CASCADE_TUNED = Cascade("cascade_tuned", fast_over(LEAN.name, MARGIN), LEAN)
