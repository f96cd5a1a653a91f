/** The versions of a meeting: another reading is a meeting of its own, and can stand beside this one. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { day } from "../parts/format";
import { go } from "../parts/router";
import { tell, tellError } from "../parts/toast";
import { call, get } from "../server/http";
import type { AdapterList, Meeting } from "../server/types";
import { texts } from "../texts";
import type { MeetingStore } from "./store";

const SAME = "=";

interface Reprocessed {
  part: string;
  meeting: Meeting;
}

export function Versions({ store, meeting }: { store: MeetingStore; meeting: Meeting }) {
  const t = texts.value;
  const versions = useSignal<Meeting[]>([]);
  const load = async () => {
    versions.value = (await get<{ versions: Meeting[] }>(`v1/meetings/${meeting.id}/versions`)).versions;
  };
  const adapters = useSignal<string[]>([]);
  const adapter = useSignal(SAME);
  useEffect(() => void load().catch(tellError), [meeting.id, meeting.state]);
  useEffect(() => {
    get<AdapterList>("v1/adapters?task=asr")
      .then(
        (found) =>
          (adapters.value = found.adapters.filter((each) => each.state !== "retired").map((each) => each.label)),
      )
      .catch(tellError);
  }, []);
  const canBeRead = Boolean(meeting.upload_state || meeting.audio_s);
  const again = async (part: string) => {
    const chosen = part === "transcript" && adapter.value !== SAME ? { asr_adapter: adapter.value || null } : {};
    try {
      const body = { part, ...chosen };
      const made = await call<Reprocessed>("POST", `v1/meetings/${meeting.id}/reprocess`, { body });
      if (part === "transcript") return go(`/meetings/${made.meeting.id}`);
      tell(t.meeting.revising);
      store.meeting.value = made.meeting;
      await store.lookWhileRevised();
    } catch (error) {
      tellError(error);
    }
  };
  const show = async (id: string) => {
    await call("POST", `v1/meetings/${id}/show`).catch(tellError);
    await load().catch(tellError);
  };
  return (
    <details>
      <summary>{t.versions.title}</summary>
      <ul class="versions">
        {versions.value.map((version) => (
          <li key={version.id} class="row">
            <a href={`#/meetings/${version.id}`} aria-current={version.id === meeting.id ? "page" : undefined}>
              {t.versions.version(version.version ?? 1)}
            </a>
            <span class="hint">
              {day(version.created_at, t.locale)}, {t.state[version.state]}
            </span>
            {version.shown ? (
              <small class="mark">{t.versions.shown}</small>
            ) : (
              <button type="button" onClick={() => void show(version.id)}>
                {t.versions.show}
              </button>
            )}
            {version.id !== meeting.id && <a href={`#/compare/${meeting.id}/${version.id}`}>{t.versions.beside}</a>}
          </li>
        ))}
      </ul>
      <div class="row">
        {canBeRead && (
          <button type="button" onClick={() => void again("transcript")}>
            {t.versions.readAgain}
          </button>
        )}
        {canBeRead && adapters.value.length > 0 && (
          <label class="inline">
            {t.versions.adapter}
            <select value={adapter.value} onChange={(event) => (adapter.value = event.currentTarget.value)}>
              <option value={SAME}>{t.versions.sameAdapter}</option>
              <option value="">{t.versions.noAdapter}</option>
              {adapters.value.map((label) => (
                <option key={label}>{label}</option>
              ))}
            </select>
          </label>
        )}
        <button type="button" onClick={() => void again("minutes")}>
          {t.versions.minutesAgain}
        </button>
      </div>
    </details>
  );
}
