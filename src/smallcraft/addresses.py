"""What addresses name: hosts that are this machine alone, and the object stores that URLs open.

Leaves to others: the transport and its credentials (`obstore`; they come from the environment, as the clouds'
own tools read them).
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smallcraft.errors import InvalidInputError, MissingPartError, first_line

if TYPE_CHECKING:
    from obstore.store import ObjectStore

STORE_SCHEMES = ("s3", "gs", "az")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PATIENCE = timedelta(seconds=60)
_RETRIES = 5


def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this machine alone.

    >>> is_loopback("127.0.0.1:5000"), is_loopback("::1"), is_loopback("registry.example")
    (True, True, False)
    """
    return host in _LOOPBACK or urlsplit(f"//{host}").hostname in _LOOPBACK


def open_store(address: str) -> ObjectStore:
    """The object store that an address names, below its path.

    Args:
        address: `s3://bucket/prefix`, or one of the other `STORE_SCHEMES`.

    Raises:
        InvalidInputError: It names no store.
        MissingPartError: The extra `[scale]` is not installed.
    """
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ImportError as error:
        raise MissingPartError(
            f"{address} needs {error.name}, which is not installed; pip install 'smallcraft[scale]'"
        ) from error
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    # Nothing needs encryption on the way to this machine itself.
    options = {"allow_http": True} if is_loopback(urlsplit(endpoint).netloc) else {}
    retries = {"max_retries": _RETRIES, "retry_timeout": _PATIENCE}
    try:
        return from_url(address, client_options=options, retry_config=retries)
    except (BaseError, ValueError) as error:
        raise InvalidInputError(
            f"{address} cannot be opened: {first_line(error)}; check the address and the credentials"
        ) from error
