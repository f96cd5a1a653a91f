/** The minutes. Each sentence opens what it rests on; those without support are marked. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { SAMPLE_RATE } from "../live/frame";
import { clock } from "../parts/format";
import type { Action, Minutes, Sentence } from "../server/types";
import { texts } from "../texts";
import { SentenceEditor } from "./sentence_editor";
import type { MeetingStore } from "./store";

export function MinutesPane({ store }: { store: MeetingStore }) {
  const t = texts.value;
  const out = store.minutes.value;
  const revising = store.meeting.value?.revising;
  return (
    <section class="pane minutes" aria-labelledby="minutes-title">
      <h2 id="minutes-title">
        {t.meeting.minutes}
        {out && out.kind !== "final" && <small class="mark"> {t.meeting.rolling}</small>}
      </h2>
      {revising && <p role="status">{t.meeting.revising}</p>}
      {out ? <Parts store={store} minutes={out.minutes} /> : <p class="hint">{t.meeting.noMinutes}</p>}
    </section>
  );
}

function Parts({ store, minutes }: { store: MeetingStore; minutes: Minutes }) {
  const t = texts.value.minutes;
  const actions = minutes.actions ?? [];
  const shown = (minutes.sections ?? []).length > 0 ? minutes.sections : null;
  return (
    <>
      <Part store={store} title={t.overview} items={minutes.overview} />
      {shown ? (
        shown.map((section) => (
          <Part
            key={section.heading}
            store={store}
            title={section.heading}
            items={ofKind(minutes, section.kind) ?? section.sentences}
          />
        ))
      ) : (
        <>
          <Part store={store} title={t.decisions} items={minutes.decisions} />
          <Part store={store} title={t.actions} items={actions} />
          <Part store={store} title={t.questions} items={minutes.questions} />
        </>
      )}
      {(minutes.chapters ?? []).map((chapter) => (
        <Part
          key={chapter.first_sample}
          store={store}
          title={
            <>
              <Moment store={store} s={chapter.first_sample / SAMPLE_RATE} /> {chapter.title || t.chapter}
            </>
          }
          items={chapter.sentences}
        />
      ))}
      {(minutes.withdrawn ?? []).length > 0 && (
        <>
          <h3>{t.withdrawn}</h3>
          <ul class="sentences withdrawn">
            {minutes.withdrawn?.map((item) => (
              <li key={item.id}>
                <del>{item.text}</del>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** A time; where the meeting can be heard, a button that plays from there. */
function Moment({ store, s }: { store: MeetingStore; s: number }) {
  const playback = store.playback.value;
  if (!playback) return <span class="time">{clock(s)}</span>;
  const label = texts.value.player.from(clock(s));
  return (
    <button type="button" class="plain time" aria-label={label} onClick={() => playback.playFrom(s)}>
      {clock(s)}
    </button>
  );
}

function ofKind(minutes: Minutes, kind: string | null | undefined): (Sentence | Action)[] | undefined {
  const kinds: Record<string, (Sentence | Action)[] | undefined> = {
    decision: minutes.decisions,
    action: minutes.actions,
    question: minutes.questions,
  };
  return kind ? kinds[kind] : undefined;
}

interface PartOptions {
  store: MeetingStore;
  title: ComponentChildren;
  items: (Sentence | Action)[] | undefined;
}

function Part({ store, title, items }: PartOptions) {
  if (!items || items.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul class="sentences">
        {items.map((item) => (
          <SentenceRow key={item.id} store={store} item={item} />
        ))}
      </ul>
    </>
  );
}

function SentenceRow({ store, item }: { store: MeetingStore; item: Sentence | Action }) {
  const t = texts.value;
  const open = useSignal(false);
  const editing = useSignal(false);
  const isFinal = store.minutes.value?.kind === "final";
  const toggle = () => {
    if (store.readOnly && store.segments.value.length === 0) return; // only the minutes are shared
    open.value = !open.value;
    if (open.value) store.point(item.evidence ?? []);
  };
  if (editing.value) {
    return (
      <li>
        <SentenceEditor item={item} store={store} onClose={() => (editing.value = false)} />
      </li>
    );
  }
  return (
    <li class={store.fresh.value.has(item.id ?? "") ? "fresh" : ""}>
      <button type="button" class="sentence" aria-expanded={open.value} title={t.minutes.evidence} onClick={toggle}>
        {"owner" in item && item.owner && <strong>{item.owner}: </strong>}
        {item.text}
        {"due" in item && item.due && (
          <small>
            {" "}
            ({t.minutes.due} {item.due_on ?? item.due})
          </small>
        )}
        {"done" in item && item.done && <small class="mark"> {t.minutes.done}</small>}
        {item.corrected && <small class="mark"> {t.edit.corrected}</small>}
        {!item.supported && <small class="mark bad"> {t.minutes.unsupported}</small>}
      </button>
      {isFinal && !store.readOnly && (
        <button
          type="button"
          class="plain edit"
          aria-label={t.edit.edit(item.text.slice(0, 40))}
          onClick={() => (editing.value = true)}
        >
          ✎
        </button>
      )}
      {(item.earlier ?? []).map((earlier) => (
        <p key={earlier.text} class="earlier">
          {t.minutes.earlier} <del>{earlier.text}</del>
        </p>
      ))}
      {open.value && <Evidence store={store} ids={item.evidence ?? []} />}
    </li>
  );
}

function Evidence({ store, ids }: { store: MeetingStore; ids: readonly number[] }) {
  const segments = store.segments.value.filter((segment) => ids.includes(segment.id));
  if (segments.length === 0) return <p class="hint">{texts.value.minutes.none}</p>;
  return (
    <ul class="evidence">
      {segments.map((segment) => (
        <li key={segment.id}>
          <button type="button" class="plain quote" onClick={() => store.point([segment.id])}>
            <span class="time">{clock(segment.start_s)}</span> {segment.speaker && `${segment.speaker}: `}
            {segment.text}
          </button>
        </li>
      ))}
    </ul>
  );
}
