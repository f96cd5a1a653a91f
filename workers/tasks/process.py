"""The stores and models that a worker process keeps open. Each is created at first use."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import LockError, RedisError

from schema.core import queues
from schema.core.database import Database
from schema.core.settings import Settings, settings
from schema.core.states import AdapterTask
from schema.core.wire import ENGLISH
from schema.fleet.wire import ModelInUse
from schema.mailbox import Mailbox
from schema.minutes.model_use import ModelUse, TokenLimits
from schema.stores import Stores
from schema.templates.template import load_templates
from workers.models import libraries
from workers.models.adapters import AdapterStore
from workers.tasks.summary_requests import SummaryRequests

if TYPE_CHECKING:
    from workers.ingest.ingester import Ingester
    from workers.speakers.listener import Listener
    from workers.summarize.chat.model import ChatModel
    from workers.summarize.summarizer import Summarizer
    from workers.summarize.writing.model import TextModel
    from workers.tasks.sweeper import Sweeper
    from workers.transcribe.transcriber import Transcriber
    from workers.webhooks.background import BackgroundSender

log = logging.getLogger(__name__)

CPU_BATCH = 4
GPU_BATCH = 32


class Process:
    """The open objects of one worker process.

    Created in the child process, because connections and models do not survive a fork. Modules that need torch are
    imported only where they are used, so beat, Flower and a worker's main process do not load it.
    """

    _current: ClassVar[Process | None] = None

    def __init__(self, config: Settings) -> None:
        self.config = config
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        self.pid = os.getpid()

    @classmethod
    def current(cls) -> Process:
        if cls._current is None or cls._current.pid != os.getpid():
            cls._current = cls(settings())
        return cls._current

    @classmethod
    def close_current(cls) -> None:
        if cls._current is not None and cls._current.pid == os.getpid():
            cls._current.close()
        cls._current = None

    def close(self) -> None:
        if "ingester" in self.__dict__:
            self.ingester.close()
        if "webhook_sender" in self.__dict__:
            self.webhook_sender.close()
        if "stores" in self.__dict__:
            self.stores.close()

    @cached_property
    def stores(self) -> Stores:
        config = self.config
        redis = Redis.from_url(config.redis_url, socket_timeout=10, socket_connect_timeout=5)
        return Stores(Database(config.sql_url), redis, Mailbox(redis, shards=config.shards), config.storage_url)

    def send(self, task: str, arguments: list[str]) -> bool:
        """Enqueue a task. Returns False when the broker does not accept it.

        The failure is only logged: beat and the sweep send the task again, so a lost message costs time but no data.
        """
        from workers.app import app

        expires = queues.WAKE_EXPIRES_S if task in (queues.TRANSCRIBE, queues.INGEST) else None
        try:
            app.send_task(task, args=arguments, headers=queues.sent_now(), expires=expires)
        except (OperationalError, RedisError) as error:  # A full broker must not fail the step that sends the message.
            log.warning("task %s %s not sent: %s", task, arguments, error)
            return False
        return True

    @cached_property
    def summaries(self) -> SummaryRequests:
        return SummaryRequests(self.stores.redis, self.send)

    @cached_property
    def transcriber(self) -> Transcriber:
        libraries.leave_out_advice()
        libraries.bound_memory()
        import torch

        from workers.asr.engine import load_engine
        from workers.asr.streaming.policy import POLICIES
        from workers.kept_audio.keeper import AudioKeeper
        from workers.transcribe.file_budget import FilePace, on_cpu
        from workers.transcribe.transcriber import Pace, Transcriber

        config = self.config
        cores = len(os.sched_getaffinity(0))
        threads = config.asr_threads or max(1, cores // config.asr_processes)
        torch.set_num_threads(threads)
        engine = load_engine(config.asr_model, config.models, config.asr_precision, config.asr_device)
        on_gpu = engine.whisper.device != "cpu"
        return Transcriber(
            name=self.name,
            model=config.asr_model,
            engine=engine,
            policy=POLICIES[config.asr_policy],
            stores=self.stores,
            adapters=self._adapter_store(AdapterTask.ASR),
            send=self.send,
            summaries=self.summaries,
            audio_keeper=AudioKeeper(self.stores, config.storage_reserve_bytes),
            pace=Pace(
                batch=config.asr_batch or (GPU_BATCH if on_gpu else CPU_BATCH),
                step_interval_ms=config.step_interval_ms,
                lease_ms=config.lease_ms,
                attempts_limit=config.attempts_limit,
                files=FilePace(GPU_BATCH, GPU_BATCH) if on_gpu else on_cpu(max(1, cores // threads)),
            ),
        )

    def loaded_models(self) -> list[ModelInUse]:
        """The models that this process has in memory, and the writer elsewhere that it asks."""
        found = []
        if "transcriber" in self.__dict__:
            whisper, adapters = self.transcriber.engine.whisper, self.transcriber.engine.adapters
            found.append(
                ModelInUse(
                    model=whisper.reference,
                    precision=whisper.precision,
                    device=whisper.device,
                    adapters=list(adapters),
                )
            )
        if "summarizer" in self.__dict__:
            found += self.summarizer.loaded_models()
        if "listener" in self.__dict__:
            found.append(ModelInUse(model=self.config.voices, precision="float32", device="cpu"))
        return found

    @cached_property
    def listener(self) -> Listener:
        libraries.bound_memory()
        import torch

        from workers.speakers.engine import load_voices
        from workers.speakers.listener import Listener

        config = self.config
        torch.set_num_threads(1)  # It runs beside live transcription, and one thread is fast enough.
        return Listener(
            engine=load_voices(config.voices, config.models),
            stores=self.stores,
            summaries=self.summaries,
            lease_ms=config.lease_ms,
            attempts_limit=config.attempts_limit,
        )

    @cached_property
    def summarizer(self) -> Summarizer:
        libraries.leave_out_advice()
        from workers.models.adapters import shipped_notes
        from workers.summarize.summarizer import Summarizer
        from workers.summarize.writing.trained import embedded_writer

        config = self.config
        model, chat = self._writers()
        embedded_writer(ENGLISH, config.models)  # its models are loaded once, so no meeting waits for them
        shipped = shipped_notes(config.summary_model, wanted=config.summary_shipped)
        if shipped is not None and model is not None:
            shipped.lend(model.load_adapter)
        return Summarizer(
            name=self.name,
            model=model,
            load_model=self._text_model if self._waits_for_adapter() else None,
            model_name=config.summary_model,
            stores=self.stores,
            adapters=self._adapter_store(AdapterTask.SUMMARY),
            shipped=shipped,
            rolling_words=config.rolling_words,
            crash_limit=config.attempts_limit,
            model_dir=config.models,
            leaves_out_unsupported=config.summary_unsupported == "leave_out",
            chat=chat,
            use=self._model_use(),
            templates=load_templates(config.template_dir),
        )

    def _writers(self) -> tuple[TextModel | None, ChatModel | None]:
        """The model that was trained to write notes, and the one that is asked in a chat.

        That is the endpoint of the settings, else the model of the settings if it answers in a chat.
        """
        from workers.summarize.chat.endpoint import EndpointModel, endpoint_options
        from workers.summarize.chat.gguf import GgufModel, is_gguf

        config = self.config
        options = endpoint_options(config)
        elsewhere = None if options is None else EndpointModel(options)
        if is_gguf(config.summary_model):
            return None, elsewhere or GgufModel(Path(config.summary_model), config.summary_threads)
        if config.summary_chat and elsewhere is None:
            from workers.summarize.chat.local import LocalModel

            return None, LocalModel(self._text_model())
        return None if self._waits_for_adapter() else self._text_model(), elsewhere

    def _waits_for_adapter(self) -> bool:
        """Whether the model is loaded only once a meeting has an adapter for it.

        The model of the defaults was not trained to write notes, so without an adapter it would only take memory.
        """
        config = self.config
        is_default = config.summary_model == type(config).model_fields["summary_model"].default
        return is_default and not config.summary_shipped and not config.summary_chat

    def _text_model(self) -> TextModel:
        from workers.summarize.writing.model import load_model

        config = self.config
        return load_model(
            config.summary_model,
            config.models,
            precision=config.summary_precision,
            device=config.summary_device,
            threads=config.summary_threads,
        )

    def _model_use(self) -> ModelUse | None:
        """Counts the use of the endpoint, None if there is none. A model on this machine costs nothing."""
        config = self.config
        limits = TokenLimits(config.summary_url_meeting_tokens, config.summary_url_day_tokens)
        return ModelUse(self.stores.redis, limits) if config.summary_url else None

    def _adapter_store(self, task: AdapterTask) -> AdapterStore:
        return AdapterStore(self.stores.database, self.config.adapters, task)

    @cached_property
    def ingester(self) -> Ingester:
        from workers.ingest.feeding import Bounds
        from workers.ingest.ingester import Ingester, IngestSettings
        from workers.ingest.upload_sweeper import UploadSweeper
        from workers.kept_audio.second_reading import SecondReading
        from workers.kept_audio.sweeper import AudioSweeper

        config = self.config
        self.stores.files  # noqa: B018 - opens the storage now, so that a wrong setting stops the worker at its start
        backlog = config.backlog_limit_samples
        return Ingester(
            name=self.name,
            stores=self.stores,
            send=self.send,
            upload_sweeper=UploadSweeper(self.stores, backlog, config.upload_retention),
            audio_sweeper=AudioSweeper(self.stores, config.audio_retention),
            second_reading=SecondReading(
                self.stores, expires_s=config.upload_expires_s, open_limit=config.uploads_open_limit
            )
            if config.read_again
            else None,
            settings=IngestSettings(
                places=config.ingest_places,
                attempts=config.attempts_limit,
                bounds=Bounds(
                    backlog_limit_samples=backlog,
                    limit_samples=config.upload_limit_samples,
                    memory_bytes=config.decoder_memory_bytes,
                    step_limit_s=config.decoder_step_limit_s,
                ),
            ),
        )

    @contextmanager
    def alone(self, key: str, limit_s: float) -> Iterator[bool]:
        """Yield True in only one process at a time. If that process dies, its lock expires after *limit_s*.

        Another thread may leave the block than has entered it.
        """
        lock = self.stores.redis.lock(key, timeout=limit_s, thread_local=False)
        mine = lock.acquire(blocking=False)
        try:
            yield mine
        finally:
            if mine:
                with suppress(LockError):  # The lock expired, and another process may hold it now.
                    lock.release()

    @cached_property
    def webhook_sender(self) -> BackgroundSender:
        from workers.webhooks.background import SENDING_LIMIT_S, BackgroundSender
        from workers.webhooks.delivery import WebhookSender

        sender = WebhookSender(
            database=self.stores.database,
            attempts_limit=self.config.webhook_attempts,
            allow_private=self.config.webhook_private,
        )
        return BackgroundSender(sender, lambda: self.alone("mb:delivering", SENDING_LIMIT_S))

    @cached_property
    def sweeper(self) -> Sweeper:
        from workers.tasks.sweeper import Sweeper

        return Sweeper(
            stores=self.stores,
            summaries=self.summaries,
            idle_finish_s=self.config.idle_finish_s,
            backlog_limit_samples=self.config.backlog_limit_samples,
        )


def process() -> Process:
    return Process.current()
