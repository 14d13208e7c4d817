"""What lies beside a bundle in its device zip: an example that runs, what to read, what to install.

Always: the example asks the bundle's self-check before it answers, and refuses to answer when that fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version

EXAMPLE = '''\
"""Asks the bundle beside this file, each argument one row; without any, only whether it works here.

    python predict.py "where is my card" "please close my account"

A bundle of several columns wants a row as JSON: python predict.py '{"age": 41, "plan": "free"}'
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # the runtime that came with the bundle

import smallcraft.bundle  # noqa: E402
from smallcraft.bundle.selfcheck import run_selfcheck  # noqa: E402

bundle = smallcraft.bundle.open(HERE / "bundle")
check = run_selfcheck(bundle)
if check.agreeing < 0.97 * check.rows:
    sys.exit(f"{check.agreeing} of {check.rows} known rows get the label they got where the bundle was made")
rows = sys.argv[1:]
if bundle.inputs != (bundle.spec.text,):
    asked = [json.loads(row) for row in rows]
    rows = {name: [row.get(name) for row in asked] for name in bundle.inputs}
found = bundle.decide(rows)
for place, label in enumerate(found.labels):
    sure = None if found.confidence is None else round(float(found.confidence[place]), 4)
    print(json.dumps({"label": label, "confidence": sure}))
'''


def write_requirements(paths: Sequence[str]) -> str:
    """The packages that a bundle of these files needs, in the versions it was measured with.

    Args:
        paths: The bundle's files; a graph among them needs onnxruntime.
    """
    packages = ["numpy", "tokenizers"]
    if any(path.endswith(".onnx") for path in paths):
        packages.append("onnxruntime")
    return "".join(f"{package}=={version(package)}\n" for package in sorted(packages))


def write_readme(label: str, description: Mapping[str, object]) -> str:
    """What the zip is, for whoever finds it on a device.

    Args:
        label: The release, such as `helpdesk@3`.
        description: The bundle's `bundle.json`.
    """
    spec, classes = description["inputs"], description["classes"]
    assert isinstance(spec, Mapping)
    assert isinstance(classes, Sequence)
    columns = [spec["text"], *spec["numbers"], *spec["categories"]]
    return f"""\
# {label}, for a device

Reads {", ".join(f"`{column}`" for column in columns if column)}; knows {len(classes)} labels.

    pip install -r requirements.txt
    python predict.py "a text"

- `bundle/` is the model: arrays, graphs and JSON, no code. Every file's digest is in `bundle/bundle.json`,
  and none is used before it matches.
- `smallcraft/` is the runtime that reads it, so nothing else needs to be installed.
- `predict.py` is an example of thirty lines. It asks the bundle its known rows first: INT8 arithmetic
  differs a little between processors.
- `sha256sum -c SHA256SUMS` checks all files; `smallcraft verify` checks the release they came from.
"""
