"""Minutebook itself: the whole stack with summaries, as `make bench` runs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from importlib.metadata import version

from api.client.audio_source import pcm_chunks
from api.client.http import Http
from api.client.live import LiveTrack
from api.client.pace import from_memory, paced
from api.client.view import MeetingView
from bench.peers.server import FOLDER, free_port
from bench.peers.system import PeerStream, PeerSystem, RunningPeer
from bench.peers.words import CommittedText
from bench.speech import Speech
from bench.usage import stack_processes
from deploy.fresh import fresh_stack
from schema.meetings.wire import NewMeeting


def minutebook(model: str) -> PeerSystem:
    """*model* is a model reference such as `package:tiny.en`."""
    how = "defaults; every process of the stack, summaries and minutes included"
    return PeerSystem("Minutebook", version("minutebook"), how, partial(_started, model))


@contextmanager
def _started(model: str) -> Iterator[RunningPeer]:
    # Ports of its own, so that a stack started meanwhile can use the default ones.
    ports = {f"MINUTEBOOK_{name}_PORT": str(free_port()) for name in ("API", "FLOWER")}
    with fresh_stack(FOLDER / "stack", environment={"MINUTEBOOK_ASR_MODEL": model, **ports}) as stack:
        yield RunningPeer(partial(_stream, stack.api_url), stack_processes(stack))


async def _stream(url: str, speech: Speech) -> PeerStream:
    async with Http(url) as http:
        created = await http.create(NewMeeting(title=speech.name))
    track, view, committed = LiveTrack(url, created.id), MeetingView(), CommittedText()
    async with aclosing(track.stream(paced(from_memory(pcm_chunks(speech.pcm)), speed=1.0))) as arrivals:
        async for arrival in arrivals:
            view.take(arrival.event)
            if arrival.event.type == "segment":
                committed.take(view.text, arrival.at_s)
    return PeerStream(speech, committed, track.sent)
