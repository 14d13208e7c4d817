"""Hosts that are this machine alone, and object stores by address: opened or refused, and not asked."""

from __future__ import annotations

import sys

import pytest
from tests.conftest import require
from tests.registry.remotes.conftest import why_no_obstore

from smallcraft.addresses import STORE_SCHEMES, is_loopback, open_store
from smallcraft.errors import InvalidInputError, MissingPartError


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:1", "::1", "[::1]:5000"])
def test_a_host_of_this_machine_alone_is_known_with_a_port_and_without(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "127.0.0.1.example", "registry.example:5000", "0.0.0.0", "localhost.evil"]
)
def test_any_other_host_is_not_this_machine(host):
    assert not is_loopback(host)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://localhost:9", "https://store.example"])
@pytest.mark.parametrize("scheme", STORE_SCHEMES)
def test_a_store_is_opened_below_its_prefix(monkeypatch, scheme, endpoint):
    require(why_no_obstore())
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "somebody")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert open_store(f"{scheme}://bucket/prefix").prefix == "prefix"


def test_a_store_without_its_account_is_refused_with_what_is_missing(monkeypatch):
    require(why_no_obstore())
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_CONNECTION_STRING"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InvalidInputError, match="Account must be specified; check"):
        open_store("az://bucket/prefix")


def test_what_names_no_store_is_refused_with_the_address():
    require(why_no_obstore())
    with pytest.raises(InvalidInputError, match=r"ftp://bucket/x cannot be opened: .*; check the address"):
        open_store("ftp://bucket/x")


def test_without_the_extra_the_command_that_installs_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(MissingPartError, match=r"pip install 'smallcraft\[scale\]'"):
        open_store("s3://bucket/prefix")
