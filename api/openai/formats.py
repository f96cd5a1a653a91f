"""A transcript as OpenAI's `response_format` asks for it."""

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
from api.openai.request import ResponseFormat, TranscriptionRequest
from schema.meetings.wire import CoverageTotals, SegmentOut


@dataclass
class GrowingText:
    """Of one track: its segments come in order, and each only grows at its end. `text` is all of it so far."""

    text: str = ""
    _lengths: dict[int, int] = field(default_factory=dict)

    def take(self, segment: Mapping[str, Any]) -> str:
        """What a `segment` event adds to the text."""
        known = self._lengths.get(segment["id"], 0)
        new = str(segment["text"])[known:]
        self._lengths[segment["id"]] = known + len(new)
        delta = f" {new}" if new and not known and self.text else new
        self.text += delta
        return delta


def joined(segments: Sequence[SegmentOut]) -> str:
    """The whole text, as `GrowingText` joins it."""
    return " ".join(segment.text for segment in segments if segment.text)


FRAMES_PER_S = 100
"""Whisper counts `seek` in frames of 10 ms."""
LEAST_PROBABILITY = 1e-6


def answer(export: Export, wanted: TranscriptionRequest) -> Response:
    """The whole answer. `X-Minutebook-Coverage` says what became of every second, whatever the format can hold."""
    headers = {"X-Minutebook-Coverage": coverage_line(export.meeting.coverage)}
    match wanted.form:
        case ResponseFormat.JSON:
            return JSONResponse({"text": joined(export.segments), "usage": usage(export)}, headers=headers)
        case ResponseFormat.VERBOSE_JSON:
            return JSONResponse(verbose(export, wanted), headers=headers)
        case ResponseFormat.TEXT:
            return PlainTextResponse(joined(export.segments) + "\n", headers=headers)
        case ResponseFormat.SRT:
            return Response(to_srt(export), headers=headers, media_type="application/x-subrip; charset=utf-8")
        case ResponseFormat.VTT:
            return Response(to_vtt(export), headers=headers, media_type="text/vtt; charset=utf-8")


def verbose(export: Export, wanted: TranscriptionRequest) -> dict[str, Any]:
    """`verbose_json`. `coverage` is ours: seconds by what became of them."""
    body: dict[str, Any] = {
        "task": "transcribe",
        "language": export.meeting.language,
        "duration": export.meeting.coverage.received_s,
        "text": joined(export.segments),
        "usage": usage(export),
        "coverage": _coverage(export.meeting.coverage),
    }
    if "segment" in wanted.granularities:
        body["segments"] = [_segment(number, segment) for number, segment in enumerate(export.segments)]
    if "word" in wanted.granularities:
        body["words"] = [
            {"word": word.text.strip(), "start": word.start_s, "end": word.end_s}
            for segment in export.segments
            for word in segment.words
        ]
    return body


def usage(export: Export) -> dict[str, Any]:
    return {"type": "duration", "seconds": export.meeting.coverage.received_s}


def _coverage(totals: CoverageTotals) -> dict[str, float]:
    return totals.model_dump()


def _segment(number: int, segment: SegmentOut) -> dict[str, Any]:
    """Tokens are not kept, so the list is empty and `avg_logprob` is the mean over the words.

    What is no speech never becomes a segment, so `no_speech_prob` is 0.
    """
    logprobs = [math.log(max(word.probability, LEAST_PROBABILITY)) for word in segment.words]
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
