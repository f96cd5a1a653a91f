"""Names and addresses of hosts, as settings and the headers Host and Origin hold them."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address

from schema.core.errors import DecodeError

LOCALHOST = "localhost"
PORT_LIMIT = 65_535
DEFAULT_PORTS = {"http": 80, "https": 443}
SHOWN_CHARACTERS = 80
# An IPv6 address in brackets, or a name or an IPv4 address; then perhaps a port. There is no user and no zone.
_AUTHORITY = re.compile(r"(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::(\d{0,5}))?", re.ASCII | re.IGNORECASE)
_ORIGIN = re.compile(r"(https?)://(.+)", re.ASCII | re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """Whether *host* is `localhost` or a loopback address.

    No other name counts, whatever it resolves to now. Addresses count in their usual form only: clients disagree on
    what `127.1`, `0177.0.0.1` or `2130706433` mean.
    """
    if host.lower() == LOCALHOST:
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def host_of(authority: str) -> str:
    """The host in `host` or `host:port`, in lower case and without brackets. Raises DecodeError."""
    return _split(authority)[0]


def host_of_origin(origin: str) -> str:
    """The host of an origin, such as `http://localhost:3000`. Raises DecodeError.

    `null` raises it too: browsers send it for pages whose origin they hide.
    """
    return host_of(_authority_of_origin(origin)[1])


def origin_of(text: str) -> str:
    """*text* as browsers write an origin: in lower case, and without the scheme's own port. Raises DecodeError."""
    scheme, authority = _authority_of_origin(text)
    host, port = _split(authority)
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" if port in (None, DEFAULT_PORTS[scheme]) else f"{scheme}://{shown}:{port}"


def _authority_of_origin(origin: str) -> tuple[str, str]:
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        raise DecodeError(f"{_shown(origin)} is not an origin; write http:// or https://, a host, and a port if needed")
    return match[1].lower(), match[2]


def _split(authority: str) -> tuple[str, int | None]:
    match = _AUTHORITY.fullmatch(authority)
    if match is None or int(match[3] or 0) > PORT_LIMIT or not _is_ipv6(match[1]):
        raise DecodeError(
            f"{_shown(authority)} is not a host; write a name or an address, and a port up to {PORT_LIMIT} if needed"
        )
    return (match[1] or match[2]).lower(), int(match[3]) if match[3] else None


def _shown(text: str) -> str:
    return repr(text[:SHOWN_CHARACTERS])


def _is_ipv6(text: str | None) -> bool:
    """Whether *text* is an IPv6 address; true for None."""
    try:
        return text is None or bool(IPv6Address(text).compressed)
    except ValueError:
        return False
