"""A transcript in each `response_format` of OpenAI."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from api.export.documents import Export
from api.export.phrases import coverage_line
from api.export.subtitles import to_srt, to_vtt
from api.openai.diarized import diarized_segments
from api.openai.request import ResponseFormat, TranscriptionRequest
from schema.core.language import FEWEST_WORDS, language_of
from schema.core.wire import AUTO, ENGLISH
from schema.core.words import count_words
from schema.meetings.wire import CoverageTotals, SegmentOut, WordOut


@dataclass
class GrowingText:
    """The text of one track. Segments arrive in order, and each of them only grows at its end."""

    text: str = ""
    _lengths: dict[int, int] = field(default_factory=dict)

    def take(self, segment: Mapping[str, Any]) -> str:
        """Add a `segment` event, and return what it adds to the text."""
        known = self._lengths.get(segment["id"], 0)
        new = str(segment["text"])[known:]
        self._lengths[segment["id"]] = known + len(new)
        delta = f" {new}" if new and not known and self.text else new
        self.text += delta
        return delta


def full_text(segments: Sequence[SegmentOut]) -> str:
    """The whole text, joined in the same way as by `GrowingText`."""
    return " ".join(segment.text for segment in segments if segment.text)


FRAMES_PER_S = 100
"""Whisper counts `seek` in frames of 10 ms."""
PROBABILITY_FLOOR = 1e-6


def transcription_response(export: Export, request: TranscriptionRequest) -> Response:
    """The whole response. The header `X-Minutebook-Coverage` accounts for every second of audio in any format."""
    headers = {"X-Minutebook-Coverage": coverage_line(export.meeting.coverage)}
    match request.form:
        case ResponseFormat.JSON:
            return JSONResponse(whole_text(export, request), headers=headers)
        case ResponseFormat.DIARIZED_JSON:
            return JSONResponse(diarized_json(export), headers=headers)
        case ResponseFormat.VERBOSE_JSON:
            return JSONResponse(verbose_json(export, request), headers=headers)
        case ResponseFormat.TEXT:
            return PlainTextResponse(full_text(export.segments) + "\n", headers=headers)
        case ResponseFormat.SRT:
            return Response(
                to_srt(export, note=False), headers=headers, media_type="application/x-subrip; charset=utf-8"
            )
        case ResponseFormat.VTT:
            return Response(to_vtt(export), headers=headers, media_type="text/vtt; charset=utf-8")


def whole_text(export: Export, request: TranscriptionRequest) -> dict[str, Any]:
    """The members `text`, `usage` and, where the request includes them, `logprobs`."""
    body = {"text": full_text(export.segments), "usage": usage(export)}
    return {**body, "logprobs": _logprobs(export.segments)} if request.logprobs else body


def _logprobs(segments: Sequence[SegmentOut]) -> list[dict[str, Any]]:
    """One entry for each word, because the probabilities of single tokens are not stored."""
    words = [word for segment in segments for word in segment.words]
    return [{"token": each.text, "bytes": list(each.text.encode()), "logprob": _logprob(each)} for each in words]


def _logprob(word: WordOut) -> float:
    return math.log(max(word.probability, PROBABILITY_FLOOR))


def verbose_json(export: Export, request: TranscriptionRequest) -> dict[str, Any]:
    """The body of `verbose_json`. `coverage` is an addition to OpenAI's: seconds of audio by outcome."""
    body: dict[str, Any] = {
        "task": "translate" if request.translate else "transcribe",
        "language": ENGLISH if request.translate else export.meeting.language,
        "duration": export.meeting.coverage.duration_s,
        "text": full_text(export.segments),
        "usage": usage(export),
        "coverage": _coverage(export.meeting.coverage),
    }
    if "segment" in request.granularities:
        body["segments"] = [_segment(number, segment) for number, segment in enumerate(export.segments)]
    if "word" in request.granularities:
        body["words"] = [
            {"word": word.text.strip(), "start": word.start_s, "end": word.end_s}
            for segment in export.segments
            for word in segment.words
        ]
    return body


def with_language(export: Export) -> Export:
    """*export* with the language of its text, if its meeting has none. The first call takes a second.

    A text that is too short to tell keeps `auto`.
    """
    text = full_text(export.segments)
    if export.meeting.language != AUTO or count_words(text) < FEWEST_WORDS:
        return export
    meeting = export.meeting.model_copy(update={"language": language_of(None, [text])})
    return export.model_copy(update={"meeting": meeting})


def diarized_json(export: Export) -> dict[str, Any]:
    """The body of `diarized_json`."""
    return {
        "task": "transcribe",
        "duration": export.meeting.coverage.duration_s,
        "text": full_text(export.segments),
        "segments": list(diarized_segments(export.segments)),
        "usage": usage(export),
    }


def usage(export: Export) -> dict[str, Any]:
    return {"type": "duration", "seconds": export.meeting.coverage.duration_s}


def _coverage(totals: CoverageTotals) -> dict[str, float]:
    return totals.model_dump()


def _segment(number: int, segment: SegmentOut) -> dict[str, Any]:
    """Tokens are not stored, so their list is empty, and `avg_logprob` is the mean over the words.

    Audio without speech never becomes a segment, so `no_speech_prob` is 0.
    """
    logprobs = [_logprob(word) for word in segment.words]
    text = segment.text.encode()
    return {
        "id": number,
        "seek": round(segment.start_s * FRAMES_PER_S),
        "start": segment.start_s,
        "end": segment.end_s,
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": sum(logprobs) / len(logprobs) if logprobs else 0.0,
        "compression_ratio": len(text) / len(zlib.compress(text)),
        "no_speech_prob": 0.0,
    }
