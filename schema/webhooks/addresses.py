"""Checks the addresses of webhooks: only public addresses are allowed, unless a setting allows private ones.

A user who adds a webhook makes this machine send requests. Without the check those requests could reach services that
trust this machine: its own, those in its network, and a cloud's metadata service.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

import httpx

from schema.core.errors import InvalidInput

PORTS = {"http": 80, "https": 443}
NAT64 = IPv6Network("64:ff9b::/96")
CLOSED = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "3fff::/20")))
"""Reserved networks that `ipaddress` reports as public in some versions of Python."""
URL_CHARACTERS = 2000


class Target(NamedTuple):
    """A webhook's URL, with the host and port to connect to."""

    url: httpx.URL
    host: str
    port: int


def parse_target(text: str) -> Target:
    """Parse a webhook's URL. Raises InvalidInput; the message never repeats a password in *text*."""
    try:
        url = httpx.URL(text)
        host = url.raw_host.decode()
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidInput(f"the webhook's URL is not valid ({error}); write https://host/path") from error
    if url.userinfo:
        raise InvalidInput(
            "the webhook's URL contains a user name or password; leave them out, because each message is signed"
        )
    if url.scheme not in PORTS or not host:
        raise InvalidInput(f"the webhook's URL starts with '{url.scheme}://{host[:80]}'; write https://host/path")
    return Target(url, host.strip("[]"), url.port or PORTS[url.scheme])


def addresses_of(target: Target, *, allow_private: bool) -> list[str]:
    """Resolve the host and return its addresses.

    Connect to these addresses, not to the name: a second look-up could return others. Raises InvalidInput when the name
    does not resolve, or when any of its addresses is not public.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"the host '{target.host}' cannot be resolved ({error}); check the webhook's URL") from error
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    closed = next((address for address in addresses if not allow_private and not is_public(address)), None)
    if closed is not None:
        raise InvalidInput(
            f"the host '{target.host}' resolves to {closed}, which is not a public address; "
            "use another host, or set MINUTEBOOK_WEBHOOK_PRIVATE=1 if every key's owner may reach this network"
        )
    return addresses


def is_public(address: str) -> bool:
    """Whether *address* is reachable from the whole internet. An IPv4 address inside an IPv6 address is checked too."""
    ip = ip_address(address)
    inner = _inner(ip)
    if inner is not None:
        return is_public(str(inner))
    special = ip.is_multicast or ip.is_reserved or ip.is_link_local or any(ip in network for network in CLOSED)
    return ip.is_global and not special


def _inner(ip: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to: NAT64, IPv4-mapped, 6to4 or Teredo."""
    if isinstance(ip, IPv4Address):
        return None
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
