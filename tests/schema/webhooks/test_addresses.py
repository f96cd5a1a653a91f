"""Addresses to which webhooks may be sent."""

from __future__ import annotations

import socket

import pytest

from schema.core.errors import InvalidInput
from schema.webhooks.addresses import addresses_of, is_public, parse_target


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_internet_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
    ],
)
def test_private_shared_special_and_embedded_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "0"])
def test_every_spelling_of_a_loopback_address_is_refused(host: str) -> None:
    target = parse_target(f"http://{host}:8765/hook")
    with pytest.raises(
        InvalidInput, match="is not a public address; use another host, or set MINUTEBOOK_WEBHOOK_PRIVATE=1"
    ):
        addresses_of(target, allow_private=False)
    assert addresses_of(target, allow_private=True)


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(_host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("1.1.1.1", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(InvalidInput, match=r"'hooks.example.com' resolves to 10.0.0.1"):
        addresses_of(parse_target("https://hooks.example.com"), allow_private=False)


def test_a_name_that_cannot_be_resolved_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(InvalidInput, match=r"'absent.invalid' cannot be resolved .*check the webhook's URL"):
        addresses_of(parse_target("https://absent.invalid"), allow_private=False)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://example.com/", "starts with 'ftp://example.com'; write https://host/path"),
        ("file:///etc/passwd", "starts with 'file://'"),
        ("example.com/hook", "starts with '://'"),
        ("https://", "starts with 'https://'"),
        ("https://user:hunter2@example.com/", "contains a user name or password; leave them out"),
        ("https://example.com:port/", "is not valid"),
        ("http://0177.0.0.1/", "is not valid"),
        ("https://exa\x07mple.com/", "is not valid"),
    ],
)
def test_an_invalid_url_is_refused_without_its_password(url: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as refused:
        parse_target(url)
    assert "hunter2" not in refused.value.detail


def test_a_target_has_the_host_and_port_of_its_url() -> None:
    assert parse_target("https://[2001:db8::1]/hook")[1:] == ("2001:db8::1", 443)
    assert parse_target("http://hooks.example.com:8080/a?b=c")[1:] == ("hooks.example.com", 8080)
