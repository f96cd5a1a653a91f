"""Memory of a process is bounded: kernels, heaps, and memory that was freed."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

from workers.models.libraries import KERNELS, leave_out_advice

SETTINGS = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY", "MALLOC_ARENA_MAX"}
PROGRAM = f"""
import ctypes, sys
from concurrent.futures import ThreadPoolExecutor
from workers.models.libraries import bound_memory

if "bound" in sys.argv:
    bound_memory()

import torch

torch.set_num_threads(1)
weight = torch.zeros(64, 64, 3)
for length in [*range(400, 401 + {KERNELS}), 400]:
    torch.conv1d(torch.zeros(1, 64, length), weight)
with ThreadPoolExecutor(4) as pool:
    list(pool.map(torch.zeros, [1000] * 100))
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
"""


def output_of(*options: str) -> str:
    """The report of oneDNN about the kernels of one shape more than it may keep, with the first shape once more at the
    end, and the report of glibc about its heaps."""
    environment = {key: value for key, value in os.environ.items() if key not in SETTINGS}
    environment["ONEDNN_VERBOSE"] = "profile_create"
    command = [sys.executable, "-c", PROGRAM, *options]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def convolutions(output: str) -> list[str]:
    """`cache_miss` for each convolution that was compiled, `cache_hit` for each that was cached."""
    fields = [line.split(",") for line in output.splitlines() if ",create:" in line and ",convolution," in line]
    return [how.removeprefix("create:") for line in fields for how in line if how.startswith("create:")]


@pytest.fixture(scope="module")
def bounded() -> str:
    return output_of("bound")


def test_kernels_are_cached_only_for_a_bounded_number_of_shapes(bounded: str) -> None:
    if not convolutions(bounded):
        pytest.skip("this build of torch convolves without oneDNN")
    assert convolutions(bounded)[-1] == "cache_miss"
    assert convolutions(output_of())[-1] == "cache_hit"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's heaps")
def test_threads_share_one_heap(bounded: str) -> None:
    assert bounded.count("<heap nr=") == 1


HOLES = """
import psutil
from workers.models.libraries import give_back_memory

blocks = [bytearray(16_000) for _ in range(20_000)]
kept = blocks[::1000]
del blocks
before = psutil.Process().memory_info().rss
give_back_memory()
print(before - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's heaps")
def test_freed_memory_between_used_blocks_is_returned_to_the_system() -> None:
    freed_bytes = subprocess.run([sys.executable, "-c", HOLES], check=True, capture_output=True, text=True).stdout
    assert int(freed_bytes) > 200_000_000


FREED = """
import sys
import psutil
from workers.models.libraries import give_back_memory, keep_freed_memory

if "keep" in sys.argv:
    keep_freed_memory()
blocks = [bytearray(4_000_000) for _ in range(50)]
before = psutil.Process().memory_info().rss
blocks.clear()
print(before - psutil.Process().memory_info().rss)
give_back_memory()
print(before - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's heaps")
def test_freed_memory_is_kept_until_it_is_given_back() -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MALLOC_")}

    def freed_bytes(*options: str) -> list[int]:
        command = [sys.executable, "-c", FREED, *options]
        ran = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        return [int(line) for line in ran.stdout.split()]

    at_once, kept = freed_bytes(), freed_bytes("keep")
    assert at_once[0] > 150_000_000
    assert kept[0] < 50_000_000
    assert kept[1] > 150_000_000


def test_only_the_advice_to_install_kernels_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    leave_out_advice()
    log = logging.getLogger("bitsandbytes.backends.cpu.ops")
    log.warning("Failed to load CPU gemm_4bit_forward from kernels-community: %s.", "No module named 'kernels'")
    log.warning("Failed to load %s", "the library")
    assert caplog.messages == ["Failed to load the library"]
