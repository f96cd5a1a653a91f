"""Advice of libraries that helps nobody is not in the log, and what else they say is."""

from __future__ import annotations

import logging

import pytest

from workers.models.libraries import leave_out_advice


def test_the_advice_to_install_kernels_is_left_out_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    leave_out_advice()
    log = logging.getLogger("bitsandbytes.backends.cpu.ops")
    log.warning("Failed to load CPU gemm_4bit_forward from kernels-community: %s.", "No module named 'kernels'")
    log.warning("Failed to load %s", "the library")
    assert caplog.messages == ["Failed to load the library"]
