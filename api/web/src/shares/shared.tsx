/** A meeting as somebody with a share link sees it. Nothing can be changed here. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { MinutesPane } from "../meeting/minutes";
import { Playback } from "../meeting/playback";
import { Player } from "../meeting/player";
import { MeetingStore } from "../meeting/store";
import { TranscriptPane } from "../meeting/transcript";
import { clock, day } from "../parts/format";
import { wordsFor } from "../parts/toast";
import { address, get, ProblemError } from "../server/http";
import type { SharedMeeting } from "../server/types";
import { texts } from "../texts";

export function SharedView({ token }: { token: string }) {
  const t = texts.value;
  const store = useMemo(() => new MeetingStore("", true), [token]);
  const shared = useSignal<SharedMeeting | null>(null);
  const error = useSignal<ProblemError | null>(null);
  const root = `s/${encodeURIComponent(token)}`;
  useEffect(() => {
    const load = async () => {
      try {
        const found = await get<SharedMeeting>(`${root}/meeting`);
        store.segments.value = found.segments ?? [];
        store.minutes.value = found.minutes ?? null;
        store.notes.value = found.minutes?.typed_notes ?? [];
        if (found.audio_s) store.playback.value = new Playback(address(`${root}/audio`));
        shared.value = found;
        document.title = `${found.title} – Minutebook`;
      } catch (problem) {
        if (!(problem instanceof ProblemError)) throw problem;
        error.value = problem;
      }
    };
    void load();
    return () => {
      store.close();
      document.title = "Minutebook";
    };
  }, [store]);
  if (error.value) {
    const { status } = error.value;
    const words = status === 404 ? t.share.unknown : status === 410 ? t.share.over : wordsFor(error.value);
    return (
      <section class="card narrow">
        <p role="alert">{words}</p>
      </section>
    );
  }
  const meeting = shared.value;
  if (meeting === null) return <p role="status">…</p>;
  return (
    <article class="meeting shared">
      <h1>{meeting.title || t.library.untitled}</h1>
      <p class="hint">
        {day(meeting.started_at, t.locale)}
        {meeting.duration_s > 0 && `, ${clock(meeting.duration_s)}`}
        {(meeting.participants ?? []).length > 0 && `, ${meeting.participants?.join(", ")}`}.{" "}
        {t.share.until(day(meeting.ends_at, t.locale))}
      </p>
      {store.playback.value && (
        <Player store={store} playback={store.playback.value} endS={meeting.audio_s ?? 0} tracks={meeting.coverage} />
      )}
      <div class="panes">
        <MinutesPane store={store} />
        {meeting.scope !== "minutes" && <TranscriptPane store={store} isLive={false} />}
      </div>
    </article>
  );
}
