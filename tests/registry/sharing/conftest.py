"""Remotes and an owner as the tests of `registry/remotes` have them."""

from tests.registry.remotes.conftest import (  # noqa: F401
    child_environment,
    hub,
    hub_server,
    memory,
    newcomer,
    oci,
    oci_server,
    owner,
    place,
    s3,
    s3_endpoint,
)
