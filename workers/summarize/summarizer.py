"""Brings the minutes of a meeting up to date: closes windows with notes, writes rolling and final versions.

After a correction, the notes that rest on the corrected text are rewritten and a new version of the minutes is made,
even if the meeting is finished.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from schema.core.events import Event, publish
from schema.core.states import MeetingState, SummaryKind
from schema.core.words import count_words
from schema.fleet.wire import ModelInUse
from schema.meetings.tables import Track
from schema.meetings.wire import Author
from schema.minutes.minutes import Minutes
from schema.minutes.model_use import ModelUse
from schema.minutes.note import NoteBody
from schema.stores import Stores
from schema.templates.template import GENERAL, Template, load_templates
from workers.corrections.minutes import corrected_minutes
from workers.metrics.metrics import metrics
from workers.models.adapters import AdapterStore, ShippedAdapter
from workers.summarize.briefing import briefed, spelled_window
from workers.summarize.chat.metered import MeteredModel
from workers.summarize.chat.model import ChatModel
from workers.summarize.chat.writer import ChatWriter
from workers.summarize.final import final_minutes
from workers.summarize.hold import held
from workers.summarize.notes import note_of
from workers.summarize.output_language import in_wanted_language, written_language
from workers.summarize.sections import arranged
from workers.summarize.store import (
    MeetingSnapshot,
    Stale,
    add_final,
    add_note,
    add_rolling,
    forget_corrections,
    read_snapshot,
    read_transcript,
    rewrite_note,
)
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.views import rolling_minutes, supported_only
from workers.summarize.windows import LIMIT_WORDS, next_window, split_segment
from workers.summarize.writing.model import TextModel
from workers.summarize.writing.trained import EMBEDDED, embedded_writer, writer_of
from workers.summarize.writing.writer import FinalWriter, NoteWriter
from workers.tasks.crash_limit import count_crashes
from workers.tasks.failures import failed_summaries

log = logging.getLogger(__name__)

STEPS_LIMIT = 20
"""Steps in one task, so that one long meeting does not keep the others waiting."""


class Summarizer:
    def __init__(
        self,
        *,
        name: str,
        model: TextModel | None,
        model_name: str,
        stores: Stores,
        adapters: AdapterStore,
        shipped: ShippedAdapter | None,
        rolling_words: int,
        crash_limit: int,
        model_dir: Path,
        load_model: Callable[[], TextModel] | None = None,
        leaves_out_unsupported: bool = False,
        chat: ChatModel | None = None,
        use: ModelUse | None = None,
        templates: Mapping[str, Template] | None = None,
    ) -> None:
        """Without *model*, *load_model* loads it for the first meeting that has an adapter."""
        self.name = name
        self.model = model
        self.model_name = model_name
        self.stores = stores
        self.adapters = adapters
        self.shipped = shipped
        self.rolling_words = rolling_words
        self.crash_limit = crash_limit
        self.model_dir = model_dir
        self.load_model = load_model
        self.leaves_out_unsupported = leaves_out_unsupported
        self.chat = chat
        self.use = use
        self.templates = load_templates(None) if templates is None else templates

    def loaded_models(self) -> list[ModelInUse]:
        """The models that can write now: the one that is asked in a chat, and the one of this machine."""
        asked = [] if self.chat is None else [ModelInUse(model=self.chat.name)]
        if self.model is None:
            return [*asked, ModelInUse(model=EMBEDDED, device="cpu")]
        own = ModelInUse(
            model=self.model_name,
            precision=self.model.precision,
            device=self.model.device,
            adapters=list(self.model.adapters),
        )
        return [*asked, own]

    def run(self, meeting_id: str) -> None:
        """Do everything that is due for a meeting, or nothing while another worker holds it (the sweep asks again).

        Raises WorkerLost if a step has killed its worker repeatedly. The meeting then waits for a replay.
        """
        with held(self.stores.redis, meeting_id, self.name) as mine:
            if not mine or self._waits_for_replay(meeting_id):
                return
            for _ in range(STEPS_LIMIT):
                with count_crashes(self.stores.redis, meeting_id, self.crash_limit):
                    more = self._step(meeting_id)
                if not more:
                    return

    def _waits_for_replay(self, meeting_id: str) -> bool:
        with self.stores.database.read() as session:
            return failed_summaries(session).get(meeting_id, False)

    def _step(self, meeting_id: str) -> bool:
        """Write one note or version. True if there may be more to do."""
        with self.stores.database.read() as session:
            snapshot = read_snapshot(session, meeting_id)
        if snapshot is None or (snapshot.state == MeetingState.FINISHED and not snapshot.revised):
            return False
        self._use_adapter(snapshot)
        if snapshot.stale is not None:
            return self._write_again(snapshot, snapshot.stale)
        ended = snapshot.state in (MeetingState.SUMMARIZING, MeetingState.FINISHED)
        window = next_window(snapshot.unread, final=ended)
        if window is not None:
            return self._close_window(snapshot, [said.id for said in window], self._noted(snapshot, window))
        return self._finish(snapshot) if ended else self._roll(snapshot, noted=False)

    def _noted(self, snapshot: MeetingSnapshot, window: Sequence[SpokenSegment]) -> NoteBody:
        with metrics().note_s.time():
            return self._note(snapshot, window)

    def _note(self, snapshot: MeetingSnapshot, window: Sequence[SpokenSegment]) -> NoteBody:
        first, end = window[0].first_sample, max(said.end_sample for said in window)
        on_record = [said for said in window if said.text]
        if not on_record:
            return NoteBody(first, end, "")
        earlier = [note for note in snapshot.notes if note.first_sample < first]
        note = note_of(
            on_record,
            self._writer(snapshot),
            earlier,
            language=snapshot.language,
            briefing=snapshot.briefing,
            typed=snapshot.typed,
            template=self._template(snapshot),
        )
        self._count_fall_back(note.fell_back)
        return replace(note, first_sample=first, end_sample=end)

    def _writer(self, snapshot: MeetingSnapshot, /) -> NoteWriter:
        own = writer_of(self.model, snapshot.language, self.model_dir)
        chat = self._chat(snapshot.meeting_id)
        return own if chat is None else ChatWriter(chat, own)

    def _chat(self, meeting_id: str) -> ChatModel | None:
        """The chat model, whose use for the meeting is counted."""
        return self.chat if self.chat is None or self.use is None else MeteredModel(self.chat, self.use, meeting_id)

    def _count_fall_back(self, reason: str | None) -> None:
        if self.use is not None and reason is not None:
            self.use.add_fall_back(reason)

    def _write_again(self, snapshot: MeetingSnapshot, stale: Stale) -> bool:
        note = self._noted(snapshot, self._pieces(stale))
        event = rewrite_note(self.stores.database, snapshot, stale, note, self._author([note]))
        if event is None:
            log.info("meeting %s: note %s changed meanwhile; reading it again", snapshot.meeting_id, stale.note_id)
        else:
            publish(self.stores.redis, snapshot.meeting_id, [event])
        return True

    def _pieces(self, stale: Stale) -> list[SpokenSegment]:
        return [piece for said in stale.window for piece in split_segment(said, LIMIT_WORDS)]

    def _close_window(self, snapshot: MeetingSnapshot, segment_ids: list[int], note: NoteBody) -> bool:
        event = add_note(self.stores.database, snapshot, note, list(dict.fromkeys(segment_ids)), self._author([note]))
        if event is None:
            log.info("meeting %s: a window was noted or corrected meanwhile; reading again", snapshot.meeting_id)
            return True
        publish(self.stores.redis, snapshot.meeting_id, [event])
        with self.stores.database.read() as session:
            now = read_snapshot(session, snapshot.meeting_id)
        if now is not None and now.state != MeetingState.SUMMARIZING:
            self._roll(now, noted=True)
        return True

    def _roll(self, snapshot: MeetingSnapshot, *, noted: bool) -> bool:
        """Write a rolling version after a note, after a correction, or once enough new words have arrived."""
        waiting = sum(count_words(said.text) for said in snapshot.unread) - snapshot.summarised_words
        if noted or waiting >= self.rolling_words or (snapshot.revised and snapshot.last_version):
            on_record = [said for said in snapshot.unread if said.text]
            with metrics().minutes_s.labels(SummaryKind.ROLLING).time():
                so_far = rolling_minutes(snapshot.notes, on_record, language=snapshot.language)
                minutes = self._presented(so_far, snapshot)
            event = add_rolling(self.stores.database, snapshot, minutes, self._author(snapshot.notes))
            publish(self.stores.redis, snapshot.meeting_id, [event] if event else [])
        elif snapshot.revised:
            forget_corrections(self.stores.database, snapshot)
        return False

    def _finish(self, snapshot: MeetingSnapshot) -> bool:
        with metrics().minutes_s.labels(SummaryKind.FINAL).time():
            final = self._presented(self._final_minutes(snapshot), snapshot)
        with self.stores.database.read() as session:
            minutes = corrected_minutes(session, snapshot.meeting_id, final, snapshot.language)
            track_ids = session.scalars(select(Track.id).where(Track.meeting_id == snapshot.meeting_id)).all()
        # SQL has the text of all audio by now. The audio goes before the meeting ends, since nobody comes back to a
        # finished meeting.
        for track_id in track_ids:
            self.stores.mailbox.forget(track_id)
        events: list[Event] = add_final(self.stores.database, snapshot, minutes, self._author(snapshot.notes, final))
        publish(self.stores.redis, snapshot.meeting_id, events)
        return not events

    def _template(self, snapshot: MeetingSnapshot) -> Template | None:
        """The template of the meeting; None if minutes are the usual ones, and if its file is gone."""
        name = snapshot.briefing.template or GENERAL
        found = self.templates.get(name)
        if found is None:
            log.warning("meeting %s: there is no template '%s' any more", snapshot.meeting_id, name)
        return None if found is None or found.is_plain else found

    def _presented(self, minutes: Minutes, snapshot: MeetingSnapshot) -> Minutes:
        """*minutes* in the sections of their template, spelled, and with the language that they are in."""
        template, language = self._template(snapshot), written_language(snapshot.notes, snapshot.language)
        if template is not None:
            minutes = arranged(minutes, snapshot.notes, template, language)
        if self.leaves_out_unsupported:
            minutes = supported_only(minutes)
        spelled = briefed(minutes, snapshot.notes, snapshot.briefing, snapshot.language)
        return in_wanted_language(spelled, snapshot.notes, snapshot.briefing, snapshot.language)

    def _final_minutes(self, snapshot: MeetingSnapshot) -> Minutes:
        language = written_language(snapshot.notes, snapshot.language)
        # What a writer says about a whole meeting is checked against the transcript. A translation has other words.
        writer = self._final_writer(snapshot) if language == snapshot.language else None
        if writer is None:
            return final_minutes(snapshot.notes, (), None, language=language)
        with self.stores.database.read() as session:
            segments = read_transcript(session, snapshot.meeting_id)
        spelled = spelled_window(segments, snapshot.briefing, snapshot.language)
        minutes = final_minutes(snapshot.notes, spelled, writer, language=snapshot.language)
        self._count_fall_back(minutes.fell_back)
        return minutes

    def _final_writer(self, snapshot: MeetingSnapshot) -> FinalWriter | None:
        chat = self._chat(snapshot.meeting_id)
        return None if chat is None else ChatWriter(chat, embedded_writer(snapshot.language, self.model_dir))

    def _use_adapter(self, snapshot: MeetingSnapshot) -> None:
        """Switch the model to the meeting's adapter. Without it the minutes lose quality, but they are still made."""
        own = None if snapshot.bare or self.shipped is None else self.shipped.name
        name = snapshot.adapter or own
        if self.model is None and self.load_model is not None and name is not None:
            self.model = self.load_model()
        if self.model is None:
            return
        there = name is None or name in self.model.adapters or self._lend(name, self.model)
        self.model.use_adapter(name if there else None)

    def _lend(self, name: str, model: TextModel) -> bool:
        source = self.shipped if self.shipped is not None and name == self.shipped.name else None
        if source is not None:
            return source.lend(model.load_adapter)
        return self.adapters.lend(name, model.load_adapter)

    def _author(self, notes: Sequence[NoteBody], final: Minutes | None = None) -> Author:
        """The chat model if it wrote any of *notes* or the *final* minutes, else the model of this worker if it was
        trained to write them, else `EMBEDDED`.
        """
        named = (*(note.written_by for note in notes), None if final is None else final.written_by)
        chat = next(filter(None, named), None)
        if chat:
            return Author(model=chat, adapter=None)
        if self.model is None or self.model.asked is None:
            return Author(model=EMBEDDED, adapter=None)
        return Author(model=self.model_name, adapter=self.model.adapter)
