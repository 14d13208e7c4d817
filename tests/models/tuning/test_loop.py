"""Training: it learns, repeats to the byte, keeps within its budget, and a kill changes nothing."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from smallcraft.models.memory import Memory
from smallcraft.models.tuning.answers import answer
from smallcraft.models.tuning.checkpoints import Checkpoints
from smallcraft.models.tuning.loop import train
from smallcraft.models.tuning.losses import Labels
from smallcraft.models.tuning.plan import Budget, TrainPlan

pytestmark = pytest.mark.torch

PLAN = TrainPlan(epochs=3, batch_rows=16, learning_rate=3e-3, head_rate=3e-2, precision="fp32")
ROWS = np.arange(90)


def fingerprint(module) -> str:
    sha = hashlib.sha256()
    for name, weight in sorted(module.state_dict().items()):
        sha.update(name.encode() + weight.numpy().tobytes())
    return sha.hexdigest()


def trained(lesson, plan=PLAN, *, seed=0, dropout=0.1, **options):
    module = lesson.learner(dropout=dropout)
    done = train(module, lesson.ids, ROWS, Labels(lesson.labels), plan=plan, seed=seed, **options)
    return module, done


def test_training_learns_rows_that_it_did_not_see(lesson):
    module, done = trained(lesson, replace(PLAN, epochs=8), dropout=0.0)
    held = np.arange(90, 120)
    right = answer(module, lesson.ids, held).logits.argmax(axis=1) == lesson.labels[held]
    assert right.mean() >= 0.7
    assert done.losses[-1] < 0.6 * done.losses[0]
    assert (done.ended_by, done.steps, done.precision) == ("epochs", 8 * 6, "fp32")
    assert done.work == 8 * lesson.ids.lengths[ROWS].sum() * 2


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(lesson, precision):
    plan = replace(PLAN, epochs=1, precision=precision, averaging=0.9)
    one, two, other = (fingerprint(trained(lesson, plan, seed=seed)[0]) for seed in (0, 0, 1))
    assert one == two
    assert one != other


def test_weights_that_want_no_gradient_stay_as_they_are(lesson):
    module = lesson.learner()
    for weight in module.encoder.parameters():
        weight.requires_grad_(False)
    before = fingerprint(module.encoder)
    train(module, lesson.ids, ROWS, Labels(lesson.labels), plan=replace(PLAN, epochs=1), seed=0)
    assert fingerprint(module.encoder) == before
    assert np.abs(module.head_weights()).max() > 0


# --- budgets -----------------------------------------------------------------------------


def test_a_work_budget_ends_training_at_the_same_step_everywhere(lesson):
    epoch = lesson.ids.lengths[ROWS].sum() * 2
    module, done = trained(lesson, budget=Budget(work=1.5 * epoch))
    again, _ = trained(lesson, budget=Budget(work=1.5 * epoch))
    assert done.ended_by == "work"
    assert 1.5 * epoch <= done.work < 1.8 * epoch
    assert len(done.losses) == 2
    assert fingerprint(module) == fingerprint(again)


def test_a_work_budget_that_is_enough_ends_nothing(lesson):
    _, done = trained(lesson, replace(PLAN, epochs=1), budget=Budget(work=1e9, cpu_s=1e9))
    assert done.ended_by == "epochs"


def test_a_cpu_budget_ends_training_and_says_so(lesson):
    _, done = trained(lesson, replace(PLAN, epochs=1000), budget=Budget(cpu_s=0.2))
    assert done.ended_by == "cpu_s"
    assert done.cpu_s >= 0.2
    assert done.steps < 6000


# --- going on after a kill ---------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
import numpy as np
from smallcraft.models.backbone import find_backbone
from smallcraft.models.encoders import source_of
from smallcraft.models.memory import Memory
from smallcraft.models.tuning.checkpoints import Checkpoints
from smallcraft.models.tuning.encoder import Encoder
from smallcraft.models.tuning.learner import Learner
from smallcraft.models.tuning.loop import train
from smallcraft.models.tuning.losses import Labels
from smallcraft.models.tuning.plan import TrainPlan
from smallcraft.models.tuning.prefix import read_ids

backbone, folder, stuck = sys.argv[1:4]
rows = np.load(Path(folder) / "rows.npz")
source = source_of(find_backbone(backbone))
ids = read_ids(source, rows["texts"].tolist())
encoder = Encoder(source.weights, source.config, embeddings=True, dropout=0.1)
module = Learner(encoder, np.zeros((source.width + 1, 3)))
seen = []
def progress(share):
    seen.append(share)
    if stuck == "stuck" and len(seen) == 9:  # in the middle of the second epoch
        print("stuck", flush=True)
        sys.stdin.read()
plan = TrainPlan(
    epochs=3, batch_rows=16, learning_rate=3e-3, head_rate=3e-2, averaging=0.9, precision="fp32"
)
checkpoints = Checkpoints(Memory(Path(folder) / "memory"), "x")
train(module, ids, np.arange(90), Labels(rows["labels"]), plan=plan, seed=0, checkpoints=checkpoints,
      progress=progress)
np.savez(Path(folder) / "weights.npz", **{k: v.numpy() for k, v in module.state_dict().items()})
print(len(seen))
"""


def start(tiny_backbone, folder: Path, mode: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tiny_backbone.folder), str(folder), mode],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3] / "src")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_training_ends_with_the_same_bytes(tiny_backbone, lesson, tmp_path):
    np.savez(tmp_path / "rows.npz", texts=np.array(lesson.texts), labels=lesson.labels)
    child = start(tiny_backbone, tmp_path, "stuck")
    assert child.stdout is not None
    assert child.stdout.readline() == "stuck\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    assert (tmp_path / "memory" / "x.checkpoint.npz").exists()
    output, _ = start(tiny_backbone, tmp_path, "free").communicate()
    assert int(output) == 12, "the first of three epochs of six steps was not done again"
    module, _ = trained(lesson, replace(PLAN, averaging=0.9))
    with np.load(tmp_path / "weights.npz") as found:
        assert set(found.files) == set(module.state_dict())
        for name, weight in module.state_dict().items():
            assert np.array_equal(found[name], weight.numpy()), name


def test_a_checkpoint_that_is_lost_is_trained_again(lesson, tmp_path):
    plan = replace(PLAN, epochs=2)
    checkpoints = Checkpoints(Memory(tmp_path), "x")
    first, _ = trained(lesson, plan, checkpoints=checkpoints)
    checkpoints.drop()
    again, done = trained(lesson, plan, checkpoints=Checkpoints(Memory(tmp_path), "x"))
    assert done.steps == 12
    assert fingerprint(again) == fingerprint(first)


def test_a_resumed_training_counts_what_it_took_before(lesson, tmp_path):
    checkpoints = Checkpoints(Memory(tmp_path), "x")
    _, done = trained(lesson, checkpoints=checkpoints)
    started = time.process_time()
    _, again = trained(lesson, checkpoints=checkpoints)
    assert again.steps == done.steps
    assert again.losses == done.losses
    assert again.work == done.work
    assert done.cpu_s <= again.cpu_s <= done.cpu_s + time.process_time() - started
