"""Useless advice of libraries is kept out of the log, and their other messages are not."""

from __future__ import annotations

import logging

import pytest

from workers.models.libraries import leave_out_advice


def test_only_the_advice_to_install_kernels_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    leave_out_advice()
    log = logging.getLogger("bitsandbytes.backends.cpu.ops")
    log.warning("Failed to load CPU gemm_4bit_forward from kernels-community: %s.", "No module named 'kernels'")
    log.warning("Failed to load %s", "the library")
    assert caplog.messages == ["Failed to load the library"]
