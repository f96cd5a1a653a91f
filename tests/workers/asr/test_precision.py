"""int8 and int4 where they cannot run: without bitsandbytes, with a library for another machine, on another device.

Each case runs in a real Python process that has all packages of this one except bitsandbytes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from schema.core.errors import UnsupportedPrecision
from workers.models.precision import choose_device, quantisation

ROOT = Path(__file__).parents[3]
INSTALLED = Path(sysconfig.get_path("purelib"))
LOAD_BOTH = """
import sys
from pathlib import Path
from schema.core.errors import UnsupportedPrecision
from workers.asr.model import load
from workers.summarize.writing.model import load_model
models, precision = Path(sys.argv[1]), sys.argv[2]
for call, reference in ((load, "package:tiny.en"), (load_model, "package:gemma-3-270m")):
    try:
        call(reference, models, precision=precision, device="cpu")
    except UnsupportedPrecision as error:
        print(error)
"""


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with links to all installed packages except bitsandbytes."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for each in INSTALLED.iterdir():
        if not each.name.startswith("bitsandbytes"):
            (folder / each.name).symlink_to(each)
    return folder


def refusals(precision: str, models: Path, packages: Path) -> tuple[str, str]:
    """The errors of loading Whisper and the summarizer in a Python process that has only *packages*."""
    environment = {
        **os.environ, "PYTHONPATH": f"{packages}{os.pathsep}{ROOT}", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    command = [sys.executable, "-S", "-c", LOAD_BOTH, str(models), precision]
    ended = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    speech, text = ended.stdout.splitlines()
    return speech, text


@pytest.mark.model
def test_without_bitsandbytes_loading_is_refused_with_the_remedy(models: Path, packages: Path) -> None:
    for message in refusals("int8", models, packages):
        assert "Precision int8 needs bitsandbytes" in message
        assert "No module named 'bitsandbytes'" in message
        assert message.endswith(
            "pip install --force-reinstall --no-deps bitsandbytes, or use precision bfloat16 or float32."
        )


@pytest.mark.model
def test_a_library_for_another_machine_is_refused_at_load(models: Path, packages: Path) -> None:
    (packages / "bitsandbytes").mkdir()
    for each in (INSTALLED / "bitsandbytes").iterdir():
        if each.suffix != ".so":
            (packages / "bitsandbytes" / each.name).symlink_to(each)
    stranger = find_spec("_webrtcvad")
    assert stranger is not None
    assert stranger.origin is not None
    (packages / "bitsandbytes" / "libbitsandbytes_cpu.so").symlink_to(stranger.origin)
    for message in refusals("int4", models, packages):
        assert "Precision int4 needs bitsandbytes, which does not work here on cpu: Method '" in message
        assert message.endswith("or use precision bfloat16 or float32.")


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_a_device_that_bitsandbytes_does_not_support_is_refused(precision: str) -> None:
    with pytest.raises(
        UnsupportedPrecision, match=f"{precision} needs bitsandbytes.* on meta.*or use precision bfloat16"
    ):
        quantisation(precision, torch.bfloat16, "meta")


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "cpu and more"])
def test_a_missing_device_is_refused_by_name(device: str) -> None:
    with pytest.raises(UnsupportedPrecision, match=rf"Device '{device}' is not here: .* Use device 'cpu' or 'auto'"):
        choose_device(device)
