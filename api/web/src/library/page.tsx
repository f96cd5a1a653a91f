/** All meetings and uploads, newest first. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { recordings } from "../live/recordings";
import { clock, day } from "../parts/format";
import { remember, remembered } from "../parts/memory";
import { tell, tellError, wordsFor } from "../parts/toast";
import { get } from "../server/http";
import type { Meeting, MeetingPage, Upload, UploadPage } from "../server/types";
import { texts } from "../texts";
import { deleteSoon, leaving } from "./deleting";
import { type Filter, Filters, isSet, NO_FILTER, queryOf } from "./filters";
import { Hits, SearchBox } from "./search";
import { UploadArea } from "./upload_list";

const LOOK_MS = 3_000;
const TYPING_MS = 250;
const DAY_MS = 24 * 3_600_000;
const NOTED = 100;
const RUNNING = new Set(["receiving", "queued", "decoding", "transcribing"]);

export function LibraryPage() {
  const t = texts.value.library;
  const meetings = useSignal<Meeting[] | null>(null);
  const uploads = useSignal<ReadonlyMap<string, Upload>>(new Map());
  const cursor = useSignal<string | null>(null);
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const query = useSignal("");
  const filter = useSignal(NO_FILTER);
  const failure = useSignal("");
  const pause = useRef(0);

  /** Read the newest page again. Pages that were added below it stay. */
  const refresh = async () => {
    const wanted = queryOf(filter.value);
    try {
      const [page, sent] = await Promise.all([
        get<MeetingPage>(`v1/meetings?${wanted}`),
        get<UploadPage>("v1/uploads"),
      ]);
      if (wanted !== queryOf(filter.value)) return; // the person has asked for other ones meanwhile
      const ids = new Set(page.meetings.map(({ id }) => id));
      const oldest = page.meetings.at(-1)?.created_at ?? "";
      const below = (meetings.value ?? []).filter(({ id, created_at }) => !ids.has(id) && created_at < oldest);
      if (below.length === 0) cursor.value = page.next_cursor ?? null;
      meetings.value = [...page.meetings, ...below];
      uploads.value = new Map(sent.uploads.map((upload) => [upload.meeting_id, upload]));
      failure.value = "";
    } catch (error) {
      failure.value = wordsFor(error);
    }
  };
  const more = async () => {
    const wanted = queryOf(filter.value);
    const page = await get<MeetingPage>(`v1/meetings?${wanted}&cursor=${encodeURIComponent(cursor.value ?? "")}`);
    if (wanted !== queryOf(filter.value)) return;
    meetings.value = [...(meetings.value ?? []), ...page.meetings];
    cursor.value = page.next_cursor ?? null;
  };
  const remove = () => {
    tell(t.deleted(chosen.value.size), deleteSoon([...chosen.value]));
    chosen.value = new Set();
  };
  const narrow = (next: Filter) => {
    const isOther = queryOf(next) !== queryOf(filter.value);
    filter.value = next;
    if (!isOther) return;
    meetings.value = null;
    chosen.value = new Set();
    clearTimeout(pause.current);
    pause.current = window.setTimeout(() => void refresh(), TYPING_MS);
  };
  const shown = meetings.value?.filter(({ id }) => !leaving.value.has(id));
  const toggle = (id: string) => {
    const next = new Set(chosen.value);
    if (!next.delete(id)) next.add(id);
    chosen.value = next;
  };
  useEffect(() => {
    void refresh();
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void refresh();
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, []);

  return (
    <section class="library">
      <h1>{t.title}</h1>
      <Interrupted />
      <SearchBox query={query.value} onInput={(text) => (query.value = text)} />
      {query.value.trim() ? (
        <Hits query={query.value.trim()} />
      ) : (
        <>
          <UploadArea onDone={() => void refresh()} />
          <Filters filter={filter.value} onChange={narrow} />
          <FailedUploads uploads={[...uploads.value.values()]} />
          {failure.value && <p role="alert">{failure.value}</p>}
          {chosen.value.size > 0 && (
            <button type="button" class="danger" onClick={remove}>
              {t.deleteMany(chosen.value.size)}
            </button>
          )}
          {shown?.length === 0 && <p class="hint">{isSet(filter.value) ? texts.value.filter.none : t.none}</p>}
          <ul class="meetings">
            {shown?.map((meeting) => (
              <MeetingRow
                key={meeting.id}
                meeting={meeting}
                upload={uploads.value.get(meeting.id)}
                chosen={chosen.value.has(meeting.id)}
                onToggle={() => toggle(meeting.id)}
              />
            ))}
          </ul>
          {cursor.value && (
            <button type="button" onClick={() => void more().catch(tellError)}>
              {t.more}
            </button>
          )}
        </>
      )}
    </section>
  );
}

/** Recordings of the last day that could not become meetings, until the person has taken note. */
function FailedUploads({ uploads }: { uploads: Upload[] }) {
  const t = texts.value;
  const noted = useSignal<ReadonlySet<string>>(new Set((remembered("noted") ?? "").split(" ")));
  const since = new Date(Date.now() - DAY_MS).toISOString();
  const failed = uploads.filter(
    (each) => each.state === "failed" && !noted.value.has(each.id) && each.created_at > since,
  );
  if (failed.length === 0) return null;
  const note = (id: string) => {
    noted.value = new Set([...noted.value, id]);
    remember("noted", [...noted.value].slice(-NOTED).join(" "));
  };
  return (
    <ul class="failed-uploads">
      {failed.map((upload) => (
        <li key={upload.id} class="alarm row">
          <span>
            <strong>{upload.name}</strong>: {upload.detail ?? t.state.failed}
          </span>
          <button type="button" class="plain" aria-label={t.upload.remove} onClick={() => note(upload.id)}>
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Meetings that this browser has not ended. */
function Interrupted() {
  const t = texts.value.library;
  const open = [...recordings.value.values()].filter(({ ended, sound }) => !ended.value && sound.value === "off");
  return (
    <>
      {open.map(({ meetingId, saved }) => (
        <p key={meetingId} class="alarm">
          {t.kept(saved.title || t.untitled)} <a href={`#/meetings/${meetingId}`}>{t.continue}</a>
        </p>
      ))}
    </>
  );
}

interface RowOptions {
  meeting: Meeting;
  upload: Upload | undefined;
  chosen: boolean;
  onToggle: () => void;
}

function MeetingRow({ meeting, upload, chosen, onToggle }: RowOptions) {
  const t = texts.value;
  const title = meeting.title || upload?.name || t.library.untitled;
  const running = meeting.upload_state && RUNNING.has(meeting.upload_state);
  const state = running ? meeting.upload_state : meeting.state;
  const percent = running ? (upload?.percent ?? null) : null;
  return (
    <li>
      <input type="checkbox" checked={chosen} onChange={onToggle} aria-label={t.library.select(title)} />
      <a href={`#/meetings/${meeting.id}`}>
        <strong>{title}</strong>
        <span class="hint">
          {day(meeting.started_at, t.locale)}
          {(meeting.coverage?.duration_s ?? 0) > 0 && `, ${clock(meeting.coverage?.duration_s ?? 0)}`}
        </span>
      </a>
      <span class={`state ${state}`}>
        {t.state[state ?? ""]}
        {percent !== null && ` ${Math.floor(percent)} %`}
        {running && upload?.left_s != null && `, ${t.upload.left(clock(upload.left_s))}`}
      </span>
      {percent !== null && <progress max={100} value={percent} aria-label={title} />}
    </li>
  );
}
