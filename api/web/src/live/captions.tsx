/** Captions in large type, for the screen of the room. */
import { useEffect, useMemo } from "preact/hooks";
import { MeetingStore } from "../meeting/store";
import { texts } from "../texts";

const LINES = 4;

export function CaptionsPage({ id }: { id: string }) {
  const t = texts.value;
  const store = useMemo(() => new MeetingStore(id), [id]);
  useEffect(() => {
    void store.open();
    return () => store.close();
  }, [store]);
  const spoken = store.segments.value.filter((segment) => segment.text).slice(-LINES);
  const partial = Object.values(store.partials.value).filter(Boolean).join(" ");
  return (
    <section class="captions" aria-label={t.live.captions}>
      <h1>{store.meeting.value?.title || t.library.untitled}</h1>
      <div role="log" aria-live="polite">
        {spoken.map((segment) => (
          <p key={segment.id}>
            {segment.speaker && <strong>{segment.speaker}: </strong>}
            {segment.text}
          </p>
        ))}
      </div>
      {partial && <p class="partial">{partial}</p>}
      {store.isOver && <p class="hint">{t.state.finished}</p>}
    </section>
  );
}
