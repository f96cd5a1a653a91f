"""Settings, read once at the edge from `MINUTEBOOK_...` variables and passed on as plain values."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from redis.connection import parse_url

from schema.core.errors import InvalidInput
from schema.core.units import MEETING_LIMIT_SAMPLES, s_of_samples, samples_of_s

MEETING_LIMIT_S = s_of_samples(MEETING_LIMIT_SAMPLES)
_PASSWORD = re.compile("//.*@")
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
Precision = Literal["auto", "float32", "bfloat16", "float16", "int8", "int4"]
_DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,3})?")


class Settings(BaseSettings):
    """Everything that can be set. Each field's variable is its name in capitals behind `MINUTEBOOK_`."""

    model_config = SettingsConfigDict(env_prefix="MINUTEBOOK_", extra="ignore")

    data_dir: Path = Path("var")
    redis_url: str = "redis://127.0.0.1:6379/0"
    database_url: str = ""
    """SQLAlchemy URL; empty means SQLite in `data_dir`."""
    model_dir: Path | None = None
    """Where converted weights are kept; by default `data_dir/models`."""
    adapter_dir: Path | None = None
    """Where the files of published adapters lie, for every worker to read; by default `data_dir/adapters`."""
    shards: int = Field(default=1, ge=1, le=1024)

    api_host: str = "127.0.0.1"
    api_port: int = 8765
    flower_port: int = 5555
    auth: Literal["auto", "on", "off"] = "auto"
    """API keys: `auto` asks for them unless the API listens on loopback only; `off` is refused elsewhere."""
    requests_per_minute: int = Field(default=600, ge=1)
    """The rate limit of a key that has none of its own."""
    frame_limit_bytes: int = Field(default=1 << 20, ge=640)
    """The largest piece of audio in one frame or request (1 MiB is 32 s)."""
    backlog_limit_s: float = Field(default=900.0, gt=0)
    """Audio that may wait per track before its producer is told to wait. 15 minutes are 29 MB of Redis memory."""
    idle_finish_s: float = Field(default=6 * 3600.0, gt=0)
    """A live meeting without any new audio for so long is finished."""

    storage: str = ""
    """Where uploaded files lie: a folder, or a URL that fsspec knows, such as `s3://bucket/prefix`; empty means
    `data_dir/files`."""
    upload_limit_bytes: int = Field(default=4 << 30, ge=1)
    upload_limit_s: float = Field(default=12 * 3600.0, gt=0, le=MEETING_LIMIT_S)
    """The longest recording in a file, counted while it is decoded."""
    upload_expires_s: float = Field(default=24 * 3600.0, ge=1)
    """An upload that gets no byte for so long is given up."""
    uploads_open_limit: int = Field(default=200, ge=1)
    """Uploads of one owner that have not ended."""
    storage_reserve_bytes: int = Field(default=500 << 20, ge=0)
    """A folder's disk is never filled past this much of free space."""
    upload_retention: str = Field(default="keep", pattern="^(keep|after_minutes|days:[1-9][0-9]{0,4})$")
    """What becomes of a file once it is a meeting: `keep`, `after_minutes`, or `days:N`."""
    ingest_places: int = Field(default=4, ge=2, le=64)
    """Files at once in decoding or transcription; one owner alone gets all but one."""
    decoder_memory_bytes: int = Field(default=2 << 30, ge=256 << 20)
    decoder_step_limit_s: float = Field(default=60.0, gt=0)
    """A decoder that gives no sound for so long is taken for hung."""

    openai_keep: bool = False
    """Whether a file that came through OpenAI's doors stays, as a meeting with minutes, once it is answered."""
    openai_wait_s: float = Field(default=600.0, ge=1)
    """How long such a request waits for its text; as long as OpenAI's clients do."""

    asr_model: str = "package:tiny.en"
    asr_precision: Precision = "auto"
    asr_device: str = "auto"
    asr_processes: int = Field(default=2, ge=1, le=64)
    """Pool processes of a transcribe worker. On a CPU several with few threads each beat one with many, since threads
    wait for each other whenever anything else runs on the machine; on a GPU one is enough."""
    asr_threads: int = Field(default=0, ge=0)
    """Threads of each process; 0 shares the cores out among the processes."""
    asr_batch: int = Field(default=0, ge=0, le=256)
    """Windows in one step; 0 takes 4 on a CPU, where a larger batch only waits longer, and 32 on a GPU."""
    asr_policy: Literal["align_att", "local_agreement"] = "align_att"
    step_interval_ms: int = Field(default=700, ge=0)
    """A live track is decoded at most so often; under load steps come less often by themselves."""
    lease_ms: int = Field(default=20_000, ge=500)
    """How long a claimed track is kept from other workers when its worker is silent."""
    attempts_limit: int = Field(default=5, ge=1)
    """Attempts at one window, or at one part of a summary, that may end with a dead worker before it is failed."""

    summary_model: str = "package:gemma-3-270m"
    summary_precision: Precision = "auto"
    summary_device: str = "auto"
    summary_threads: int = Field(default=1, ge=0)
    summary_shipped: bool = False
    """Whether the adapter that comes with Minutebook for the model writes notes where the registry has no default."""
    rolling_words: int = Field(default=60, ge=10)
    """New closed words after which the rolling minutes are brought up to date."""

    webhook_private: bool = False
    """Whether webhooks may be sent to private, loopback and link-local addresses. Only where every owner of a key may
    reach what this machine reaches."""
    webhook_attempts: int = Field(default=9, ge=1, le=20)
    """Attempts at one message, further apart each time; nine take about 20 hours."""

    @field_validator("redis_url")
    @classmethod
    def _redis_address(cls, url: str) -> str:
        remedy = "write redis://host:6379/0, or rediss:// and user:password@ where they are needed"
        if not url.startswith(("redis://", "rediss://")):  # a Unix socket is no address for Celery
            raise ValueError(remedy)
        try:
            known = parse_url(url)  # type: ignore[no-untyped-call]
        except ValueError as error:  # which may hold a piece of the password
            raise ValueError(remedy) from error
        if urlsplit(url).path.strip("/") not in ("", str(known.get("db"))):
            raise ValueError(f"its database is no number; {remedy}")
        return url

    @field_validator("asr_device", "summary_device")
    @classmethod
    def _device_name(cls, device: str) -> str:
        if not _DEVICE.fullmatch(device):
            raise ValueError("use auto, cpu, cuda, or cuda:1 for the second of several GPUs")
        return device

    @field_validator("data_dir", "model_dir", "adapter_dir")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    @property
    def sql_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'minutebook.db'}"

    @property
    def storage_url(self) -> str:
        return self.storage or str(self.data_dir / "files")

    @property
    def upload_limit_samples(self) -> int:
        return samples_of_s(self.upload_limit_s)

    @property
    def models(self) -> Path:
        return self.model_dir or self.data_dir / "models"

    @property
    def adapters(self) -> Path:
        return self.adapter_dir or self.data_dir / "adapters"

    @property
    def backlog_limit_samples(self) -> int:
        return samples_of_s(self.backlog_limit_s)

    @property
    def asks_for_keys(self) -> bool:
        """True when requests need an API key."""
        if self.auth == "auto":
            return self.api_host not in LOOPBACK_HOSTS
        return self.auth == "on"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings. Entry points call this; everything below takes values. Raises InvalidInput."""
    try:
        return Settings()
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = f"MINUTEBOOK_{fault['loc'][0]}".upper()
        shown = _PASSWORD.sub("//…@", repr(fault["input"]))
        raise InvalidInput(f"{name} = {shown} is not valid: {fault['msg']}") from error
