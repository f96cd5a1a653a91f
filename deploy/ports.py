"""Ports to listen on: the usual one when it is free, another free one when nobody asked for that very port."""

from __future__ import annotations

import errno
import socket

from schema.core.errors import Conflict, InvalidInput


def choose(host: str, port: int, *, variable: str, asked_for: bool) -> int:
    """A port of *host* that can be listened on now; port 0 means any.

    Raises Conflict when *port* was asked for by setting *variable* and another program holds it, InvalidInput for a
    host that is none of this machine's or a port that only root may use.
    """
    if port and _is_free(host, port):
        return port
    if port and asked_for:
        raise Conflict(f"port {port} of {host} is taken by another program; stop it, or set {variable} to a free port")
    return _any_free(host)


def _is_free(host: str, port: int) -> bool:
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        # As servers do, so that connections which are still closing do not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise InvalidInput(
                f"nothing can listen on {host}, port {port}: {error.strerror}; choose another"
            ) from error
    return True


def _any_free(host: str) -> int:
    with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _family(host: str) -> socket.AddressFamily:
    try:
        return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]
    except socket.gaierror as error:
        raise InvalidInput(f"{host!r} is no address of this machine; set MINUTEBOOK_API_HOST to one") from error
