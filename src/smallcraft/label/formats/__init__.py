"""Files of labelling tools, one a file; this table is the list of them.

Always: what a format writes, filled in by its tool, it reads back with item, annotator and label.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.label.formats.argilla import Argilla
from smallcraft.label.formats.csv import Csv
from smallcraft.label.formats.label_studio import LabelStudio
from smallcraft.label.sheets import Format

BUILTIN: Mapping[str, Format] = {
    "label_studio": LabelStudio(),
    "argilla": Argilla(),
    "csv": Csv(),
}
