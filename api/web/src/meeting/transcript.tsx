/** The transcript: segments by time, with words that the model was not sure of, and the words being spoken. */
import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import { memo } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import { clock } from "../parts/format";
import type { Segment } from "../server/types";
import { texts } from "../texts";
import { NoteRow } from "./notes";
import { SegmentEditor } from "./segment_editor";
import type { MeetingStore } from "./store";
import { Words } from "./words";

/** As close to the end counts as being there. */
const NEAR_PX = 120;
const NOTHING: readonly string[] = [];

export function TranscriptPane({ store, isLive }: { store: MeetingStore; isLive: boolean }) {
  const t = texts.value;
  const pane = useRef<HTMLDivElement>(null);
  const follows = useSignal(isLive);
  const segments = store.segments.value.filter((segment) => segment.text !== "" || segment.corrected);
  const notes = placed(store, segments);
  const spoken = store.spoken.value;
  const partials = Object.entries(store.partials.value).filter(([, text]) => text);
  useEffect(() => {
    if (isLive && follows.value) toEnd(pane.current);
  }, [store.segments.value, store.partials.value]);
  const onScroll = () => {
    const box = pane.current;
    if (box) follows.value = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
  };
  return (
    <section class="pane transcript" aria-labelledby="transcript-title">
      <h2 id="transcript-title">{t.meeting.transcript}</h2>
      <div class={isLive ? "scroll" : ""} ref={pane} onScroll={onScroll} tabIndex={isLive ? 0 : undefined}>
        {segments.length === 0 && partials.length === 0 && <p class="hint">{t.meeting.noText}</p>}
        <ol class="segments">
          {segments.map((segment, at) => (
            <Fragment key={segment.id}>
              {notes.between(at)}
              <SegmentRow
                segment={segment}
                store={store}
                pointed={store.pointed.value.has(segment.id)}
                found={store.pointed.value.has(segment.id) ? store.found.value : NOTHING}
                spoken={spoken?.segment === segment.id ? spoken.word : null}
                playable={store.playback.value !== null}
                sameSpeaker={at > 0 && segments[at - 1]?.speaker === segment.speaker}
                locale={t.locale}
              />
            </Fragment>
          ))}
          {notes.between(segments.length)}
        </ol>
        {partials.map(([track, text]) => (
          <p key={track} class="partial">
            {text}
          </p>
        ))}
      </div>
      {isLive && !follows.value && (
        <button type="button" class="jump" onClick={() => toEnd(pane.current)}>
          {t.live.jump}
        </button>
      )}
    </section>
  );
}

/** The typed notes, each before the first segment that begins later. */
function placed(store: MeetingStore, segments: Segment[]) {
  const rows = store.notes.value.map((note) => {
    const later = segments.findIndex((segment) => segment.start_s > note.at_s);
    return {
      at: later < 0 ? segments.length : later,
      row: <NoteRow key={`note-${note.id}`} store={store} note={note} />,
    };
  });
  return { between: (at: number) => rows.filter((each) => each.at === at).map((each) => each.row) };
}

function toEnd(pane: HTMLElement | null): void {
  if (pane) pane.scrollTop = pane.scrollHeight;
}

interface RowOptions {
  segment: Segment;
  store: MeetingStore;
  pointed: boolean;
  found: readonly string[];
  sameSpeaker: boolean;
  spoken: number | null;
  playable: boolean;
  /** Only so that a row is drawn again in another language. */
  locale: string;
}

const SegmentRow = memo(({ segment, store, pointed, found, sameSpeaker, spoken, playable }: RowOptions) => {
  const t = texts.value;
  const editing = useSignal(false);
  const row = useRef<HTMLLIElement>(null);
  const isSpoken = spoken !== null;
  useEffect(() => {
    if (isSpoken && store.playback.value?.follows.value) row.current?.scrollIntoView({ block: "nearest" });
  }, [isSpoken]);
  const classes = [
    "segment",
    pointed && "pointed",
    isSpoken && "heard",
    !segment.closed && "open",
    segment.off_record && "off-record",
  ];
  return (
    <li ref={row} id={`segment-${segment.id}`} class={classes.filter(Boolean).join(" ")}>
      {playable ? (
        <button
          type="button"
          class="plain time"
          aria-label={t.player.from(clock(segment.start_s))}
          onClick={() => store.playback.value?.playFrom(segment.start_s)}
        >
          {clock(segment.start_s)}
        </button>
      ) : (
        <span class="time">{clock(segment.start_s)}</span>
      )}
      <div>
        {segment.speaker && !sameSpeaker && <strong class="speaker">{segment.speaker}</strong>}
        {editing.value ? (
          <SegmentEditor segment={segment} store={store} onClose={() => (editing.value = false)} />
        ) : (
          <p>
            <Words segment={segment} playback={store.playback.value} spoken={spoken} found={found} />
            {segment.corrected && <small class="mark"> {t.edit.corrected}</small>}
            {segment.off_record && <small class="mark"> {t.meeting.offRecord}</small>}
          </p>
        )}
      </div>
      {segment.closed && !editing.value && !store.readOnly && (
        <button
          type="button"
          class="plain edit"
          aria-label={t.edit.edit(segment.text.slice(0, 40))}
          onClick={() => (editing.value = true)}
        >
          ✎
        </button>
      )}
    </li>
  );
});
