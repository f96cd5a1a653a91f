"""Shows a meeting in the terminal: closed segments scroll by; open text and the minutes stay at the bottom."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from api.client.view import MeetingView
from api.export.labels import IN_ENGLISH
from api.export.outline import MinutesLine, outline
from api.export.phrases import clock, coverage_line, off_record_mark
from schema.core.events import Event
from schema.core.lines import shown
from schema.core.states import MeetingState, SummaryKind
from schema.meetings.wire import CoverageTotals, MinutesOut, SegmentOut
from schema.minutes.minutes import Minutes
from schema.typed_notes.wire import TypedNoteOut

STATE_LABELS = {
    MeetingState.LIVE: "live",
    MeetingState.DRAINING: "transcribing the rest",
    MeetingState.SUMMARIZING: "writing the final minutes",
    MeetingState.FINISHED: "finished",
    MeetingState.DELETED: "deleted",
}


def segment_text(segment: SegmentOut) -> Text:
    text = Text(f"{clock(segment.start_s):>7}  ", style="cyan")
    if segment.speaker:
        text.append(f"{segment.speaker}: ", style="bold")
    return text.append(segment.text.strip(), style="default").append(off_record_mark(segment), style="yellow")


def minutes_text(minutes: Minutes, typed_notes: Sequence[TypedNoteOut] = ()) -> Text:
    """The sections that are not empty. Lines without support are marked."""
    lines: list[Text] = []
    for section in outline(minutes, _no_time, typed_notes):
        lines.append(Text(section.heading, style="bold"))
        lines += map(_line, section.lines)
    return Text("\n").join(lines) if lines else Text("nothing yet", style="dim")


def _all_text(minutes: MinutesOut) -> Text:
    return minutes_text(minutes.minutes, minutes.typed_notes)


def _no_time(_segment: int) -> None:
    """The terminal leaves out the times of the evidence."""


def _line(line: MinutesLine) -> Text:
    text = Text("  - ")
    if line.owner:
        text.append(line.owner, style="bold").append(": " if line.colon else " ")
    text.append(line.text)
    if line.note:
        text.append(f" {line.note}")
    return text.append("" if line.supported else f"  {IN_ENGLISH.unsupported}", style="yellow")


class LiveScreen:
    """Shows a MeetingView while it grows. Outside of a terminal, closed segments and minutes are plain lines."""

    def __init__(self, console: Console, *, words: bool = False) -> None:
        self.view = MeetingView()
        self._console = console
        self._words = words
        self._printed: set[int] = set()
        self._live = Live(console=console, refresh_per_second=8, transient=True) if console.is_terminal else None

    def __enter__(self) -> LiveScreen:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._print_segments(also_open=True)
        if self._live:
            self._live.update(Text())
            self._live.stop()

    def take(self, event: Event) -> None:
        self.view.take(event)
        self._print_segments()
        if self._live:
            self._live.update(self._footer())
        elif event.type == "minutes" and self.view.minutes and self.view.minutes.kind == SummaryKind.ROLLING:
            self._print_rolling(self.view.minutes)
        elif event.type == "connection":
            self._console.print(f"connection lost, reconnecting: {shown(self.view.connection)}", markup=False)

    def print_final(self, coverage: CoverageTotals) -> None:
        """Print the final minutes and the coverage, as the last lines."""
        if self.view.final:
            self._console.print(Panel(_all_text(self.view.final), title="Final minutes", title_align="left"))
        self._console.print(coverage_line(coverage), markup=False, highlight=False)

    def _print_segments(self, *, also_open: bool = False) -> None:
        for number, segment in sorted(self.view.segments.items()):
            if number not in self._printed and (segment.closed or also_open):
                self._printed.add(number)
                self._console.print(segment_text(segment))
                if self._words:
                    self._console.print(_word_times(segment))

    def _print_rolling(self, minutes: MinutesOut) -> None:
        self._console.print(f"-- minutes, version {minutes.version}, through {clock(minutes.through_s)}", markup=False)
        self._console.print(_all_text(minutes))

    def _footer(self) -> RenderableType:
        parts: list[RenderableType] = [self._open_text()]
        if self.view.minutes:
            through = clock(self.view.minutes.through_s)
            title = f"Minutes so far, through {through}" if not self.view.final else "Final minutes"
            parts.append(Panel(self._fit(_all_text(self.view.minutes)), title=title, title_align="left"))
        parts.append(self._status())
        return Group(*parts)

    def _open_text(self) -> Text:
        text = Text()
        for number, segment in sorted(self.view.segments.items()):
            if number not in self._printed:
                text.append_text(segment_text(segment)).append(" ")
        for partial in self.view.partials.values():
            text.append(shown(partial.strip()) + " ", style="dim italic")
        return text

    def _fit(self, text: Text) -> Text:
        """The last lines of *text*, so that there is room for the text above."""
        room = max(self._console.height - 10, 5)
        lines = text.wrap(self._console, max(self._console.width - 4, 20))
        return Text("\n").join(lines[-room:])

    def _status(self) -> Text:
        if self.view.connection:
            return Text(f"connection lost, reconnecting: {shown(self.view.connection)}", style="yellow")
        return Text(f"{STATE_LABELS[self.view.state]}; {coverage_line(self.view.coverage)}", style="dim")


def _word_times(segment: SegmentOut) -> Text:
    words = " ".join(f"{word.text.strip()}[{word.start_s:.2f}-{word.end_s:.2f}]" for word in segment.words)
    return Text(f"         {words}", style="dim")
