"""What a user names MLflow by: `mlflow://host:port`, `mlflow+sqlite:///file.db`; `#name/3` for a version."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from smallcraft.addresses import is_loopback
from smallcraft.errors import InvalidInputError

EXAMPLE = "mlflow://host:5000"
_SCHEME = re.compile(r"mlflow(?:\+([a-z0-9+]+))?:")
_VERSION = re.compile(r"([^/@#]+)(?:/([1-9][0-9]*)|@([^/@#]+))?")
_FROM = "MLFLOW_TRACKING_URI"


@dataclass(frozen=True)
class MlflowVersion:
    """A version of a registered model.

    Attributes:
        name: Of the model.
        number: Of the version; None where an alias says it, or the newest is meant.
        alias: A word of MLflow's own.
    """

    name: str
    number: int | None = None
    alias: str | None = None


@dataclass(frozen=True)
class MlflowAddress:
    """Where an MLflow server or store is, and which version is meant.

    Attributes:
        text: As the user wrote it.
        uri: As MLflow's own client takes it.
        version: None where the whole of it is meant.
    """

    text: str
    uri: str
    version: MlflowVersion | None = None


def parse_address(address: str) -> MlflowAddress | None:
    """An address of MLflow; None where it is of another kind.

    `mlflow://host` is asked over TLS, on this machine over plain http, as with `mlflow+http://host`. What
    follows `mlflow+` is else a tracking URI as MLflow writes it; `mlflow:` alone takes MLFLOW_TRACKING_URI.

    Raises:
        InvalidInputError: It begins like one, and is none.

    >>> parse_address("mlflow://127.0.0.1:5000#tickets/3").uri
    'http://127.0.0.1:5000'
    >>> parse_address("../shared") is None
    True
    """
    match = _SCHEME.match(address)
    if match is None:
        return None
    place, has_version, version = address.partition("#")
    rest = place[match.end() :]
    if match[1]:
        uri = f"{match[1]}:{rest}"
    elif rest.strip("/"):
        uri = f"{'http' if is_loopback(urlsplit(rest).netloc) else 'https'}:{rest}"
    else:
        uri = _from_environment(address)
    if uri.startswith(("http:", "https:")) and (not urlsplit(uri).hostname or "@" in urlsplit(uri).netloc):
        raise InvalidInputError(
            f"an MLflow server is named like {EXAMPLE}, got {address!r}; credentials come from "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )
    return MlflowAddress(address, uri.rstrip("/"), _version(version, address) if has_version else None)


def _from_environment(address: str) -> str:
    uri = os.environ.get(_FROM, "")
    if not uri:
        raise InvalidInputError(
            f"{address!r} takes the server from {_FROM}, which is not set; set it, or name the server as in "
            f"{EXAMPLE}"
        )
    return uri


def _version(text: str, address: str) -> MlflowVersion:
    match = _VERSION.fullmatch(text)
    if match is None:
        raise InvalidInputError(
            f"a version is named like #tickets/3 or #tickets@stable after the server, got {address!r}"
        )
    return MlflowVersion(match[1], int(match[2]) if match[2] else None, match[3])
