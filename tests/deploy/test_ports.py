from __future__ import annotations

import socket

import pytest

from deploy.addresses import choose_port
from schema.core.errors import Conflict, InvalidInput
from tests.servers import free_port


def test_the_default_port_is_chosen_when_it_is_free() -> None:
    port = free_port()
    assert choose_port("127.0.0.1", port, variable="MINUTEBOOK_API_PORT", asked_for=False) == port


def test_another_port_is_chosen_when_the_default_one_is_taken(taken_port: int) -> None:
    port = choose_port("127.0.0.1", taken_port, variable="MINUTEBOOK_API_PORT", asked_for=False)
    assert port != taken_port
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_port_zero_chooses_any_free_port() -> None:
    assert choose_port("127.0.0.1", 0, variable="MINUTEBOOK_API_PORT", asked_for=True) > 0


def test_a_taken_port_that_was_asked_for_is_refused(taken_port: int) -> None:
    with pytest.raises(Conflict, match="set MINUTEBOOK_FLOWER_PORT to a free port"):
        choose_port("127.0.0.1", taken_port, variable="MINUTEBOOK_FLOWER_PORT", asked_for=True)


def test_a_host_that_is_not_on_this_machine_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"cannot listen on 192\.0\.2\.1, port 8765"):
        choose_port("192.0.2.1", 8765, variable="MINUTEBOOK_API_PORT", asked_for=False)
