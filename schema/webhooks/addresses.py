"""Where a webhook may be sent: to public addresses only, unless private ones are allowed.

Whoever may add a webhook makes this machine send requests for them. Without the check they would reach what trusts this
machine: its own services, its network, a cloud's metadata.
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
"""Special networks that not every version of Python knows to be so."""
URL_CHARACTERS = 2000


class Target(NamedTuple):
    """A webhook's URL, and what is needed to connect to an address of its host."""

    url: httpx.URL
    host: str
    port: int


def parse_target(text: str) -> Target:
    """Raises InvalidInput, without a password that *text* may hold."""
    try:
        url = httpx.URL(text)
        host = url.raw_host.decode()
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidInput(f"the webhook's URL cannot be read ({error}); write https://host/path") from error
    if url.userinfo:
        raise InvalidInput("the webhook's URL holds a user or password; leave them out, the signature says who sends")
    if url.scheme not in PORTS or not host:
        raise InvalidInput(f"the webhook's URL begins with '{url.scheme}://{host[:80]}'; write https://host/path")
    return Target(url, host.strip("[]"), url.port or PORTS[url.scheme])


def addresses_of(target: Target, *, allow_private: bool) -> list[str]:
    """The addresses that the host's name stands for at this moment; connect to these, not to the name.

    Raises InvalidInput when it stands for none, or for a single one that is not public.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"the host '{target.host}' cannot be resolved ({error}); check the webhook's URL") from error
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    closed = next((address for address in addresses if not allow_private and not is_public(address)), None)
    if closed is not None:
        raise InvalidInput(
            f"the host '{target.host}' stands for {closed}, which is not a public address; "
            "name another, or set MINUTEBOOK_WEBHOOK_PRIVATE=1 if every key's owner may reach this network"
        )
    return addresses


def is_public(address: str) -> bool:
    """Whether *address* is one that the whole internet reaches. An IPv4 address within an IPv6 one is looked at too."""
    ip = ip_address(address)
    inner = _inner(ip)
    if inner is not None:
        return is_public(str(inner))
    special = ip.is_multicast or ip.is_reserved or ip.is_link_local or any(ip in network for network in CLOSED)
    return ip.is_global and not special


def _inner(ip: IPv4Address | IPv6Address) -> IPv4Address | None:
    if isinstance(ip, IPv4Address):
        return None
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
