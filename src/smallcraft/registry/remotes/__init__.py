"""Remotes that are no folders, one kind a file: buckets, OCI registries, the Hugging Face Hub.

Always: a remote is believed nothing; what comes from it is hashed on the way and verified as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.registry.remotes.bucket import BucketKind
from smallcraft.registry.remotes.hub import HubKind
from smallcraft.registry.remotes.oci import OciKind
from smallcraft.registry.remotes.remote import RemoteKind

BUILTIN: Mapping[str, RemoteKind] = {
    "bucket": BucketKind(),
    "oci": OciKind(),
    "hub": HubKind(),
}
