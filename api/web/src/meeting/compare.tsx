/** Two versions of a meeting side by side. */
import { useEffect, useMemo } from "preact/hooks";
import { texts } from "../texts";
import { MinutesPane } from "./minutes";
import { MeetingStore } from "./store";
import { TranscriptPane } from "./transcript";

export function ComparePage({ ids }: { ids: string[] }) {
  return (
    <div class="compare">
      {ids.map((id) => (
        <Side key={id} id={id} />
      ))}
    </div>
  );
}

function Side({ id }: { id: string }) {
  const t = texts.value;
  const store = useMemo(() => new MeetingStore(id), [id]);
  useEffect(() => {
    void store.open();
    return () => store.close();
  }, [store]);
  const meeting = store.meeting.value;
  if (meeting === null) return <p role="status">{store.error.value ? t.problem.missing : "…"}</p>;
  return (
    <article>
      <h1>
        <a href={`#/meetings/${id}`}>
          {meeting.title || t.library.untitled}, {t.versions.version(meeting.version ?? 1)}
        </a>
      </h1>
      <MinutesPane store={store} />
      <TranscriptPane store={store} isLive={false} />
    </article>
  );
}
