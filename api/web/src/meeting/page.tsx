/** One meeting, while it runs and afterwards. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { deleteSoon } from "../library/deleting";
import { Controls } from "../live/controls";
import { recordings } from "../live/recordings";
import { clock, day } from "../parts/format";
import { go, place } from "../parts/router";
import { tell, wordsFor } from "../parts/toast";
import { address } from "../server/http";
import type { Meeting } from "../server/types";
import { ShareMenu } from "../shares/share_menu";
import { texts } from "../texts";
import { About } from "./about";
import { CoverageBar } from "./coverage";
import { MinutesPane } from "./minutes";
import { NoteBox } from "./notes";
import { People } from "./people";
import { Playback } from "./playback";
import { Player } from "./player";
import { MeetingStore } from "./store";
import { TranscriptPane } from "./transcript";
import { Versions } from "./versions";

const FORMATS = ["md", "docx", "txt", "srt", "vtt", "json"];

export function MeetingView({ id }: { id: string }) {
  const t = texts.value;
  const store = useMemo(() => new MeetingStore(id), [id]);
  const recording = recordings.value.get(id);
  const pane = useSignal<"transcript" | "minutes">("transcript");
  useEffect(() => {
    void store.open().then(() => {
      const { query } = place.value;
      const segment = Number(query.get("segment"));
      if (segment) requestAnimationFrame(() => store.point([segment], query.getAll("word")));
    });
    return () => store.close();
  }, [store, recording]);
  const meeting = store.meeting.value;
  const audioS = meeting?.state === "finished" ? (meeting.audio_s ?? 0) : 0;
  useEffect(() => {
    if (audioS > 0) store.playback.value ??= new Playback(address(`${store.root}/audio`));
  }, [store, audioS]);
  const error = store.error.value;
  if (error && !error.problem.retryable) {
    return (
      <section class="card narrow">
        <p role="alert">{error.status === 404 ? t.problem.missing : wordsFor(error)}</p>
        <a href="#/">{t.meeting.back}</a>
      </section>
    );
  }
  if (meeting === null) return <p role="status">{error ? t.problem.unreachable : "…"}</p>;
  const isLive = meeting.state === "live";
  return (
    <article class={`meeting show-${pane.value}`} data-state={meeting.state}>
      <Head store={store} meeting={meeting} />
      {recording && <Controls recording={recording} />}
      {store.playback.value && <Player store={store} playback={store.playback.value} endS={audioS} />}
      {store.coverage.value && <CoverageBar coverage={store.coverage.value} />}
      <People store={store} />
      {isLive && <NoteBox store={store} now={() => recording?.nowS ?? null} />}
      <div class="panes-switch">
        {(["transcript", "minutes"] as const).map((name) => (
          <button key={name} type="button" aria-pressed={pane.value === name} onClick={() => (pane.value = name)}>
            {t.meeting[name]}
          </button>
        ))}
      </div>
      <div class="panes">
        <TranscriptPane store={store} isLive={isLive} />
        <MinutesPane store={store} />
      </div>
      <div class="more">
        <About key={meeting.id} store={store} meeting={meeting} />
        {meeting.state === "finished" && <Versions store={store} meeting={meeting} />}
      </div>
    </article>
  );
}

function Head({ store, meeting }: { store: MeetingStore; meeting: Meeting }) {
  const t = texts.value;
  const title = meeting.title || t.library.untitled;
  useEffect(() => {
    document.title = `${title} – Minutebook`;
    return () => {
      document.title = "Minutebook";
    };
  }, [title]);
  const remove = () => {
    store.close();
    tell(t.library.deleted(1), deleteSoon([meeting.id]));
    go("/");
  };
  return (
    <header class="head">
      <div>
        <h1>{title}</h1>
        <p class="hint">
          <span class={`state ${meeting.state}`}>{t.state[meeting.state]}</span> {day(meeting.started_at, t.locale)}
          {(meeting.coverage?.duration_s ?? 0) > 0 && `, ${clock(meeting.coverage?.duration_s ?? 0)}`}
          {(meeting.participants ?? []).length > 0 && `, ${meeting.participants?.join(", ")}`}
        </p>
      </div>
      <div class="row">
        {meeting.state === "live" && <a href={`#/captions/${meeting.id}`}>{t.live.captions}</a>}
        <ShareMenu meetingId={meeting.id} hasAudio={(meeting.audio_s ?? 0) > 0} />
        <details class="menu">
          <summary>{t.meeting.export}</summary>
          <ul>
            {FORMATS.map((format) => (
              <li key={format}>
                <a href={address(`v1/meetings/${meeting.id}/export?format=${format}`)} download>
                  {format.toUpperCase()}
                </a>
              </li>
            ))}
          </ul>
        </details>
        <button type="button" class="danger quiet" onClick={remove}>
          {t.meeting.delete}
        </button>
      </div>
    </header>
  );
}
