/** Corrects the text or the speaker of a segment, and offers to undo it. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { tell, tellError } from "../parts/toast";
import { call, get } from "../server/http";
import type { Segment, SegmentVersions } from "../server/types";
import { texts } from "../texts";
import { Splitting } from "./splitting";
import type { MeetingStore } from "./store";

interface EditorOptions {
  segment: Segment;
  store: MeetingStore;
  onClose: () => void;
}

export function SegmentEditor({ segment, store, onClose }: EditorOptions) {
  const t = texts.value.edit;
  const text = useSignal(segment.text.trim());
  const speaker = useSignal(segment.speaker ?? "");
  const everywhere = useSignal(false);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const speakers = [...new Set(store.segments.value.map((each) => each.speaker).filter((name) => name !== null))];

  const save = async (event: Event) => {
    event.preventDefault();
    try {
      const name = speaker.value.trim() || null;
      const renames = name !== segment.speaker && everywhere.value;
      if (renames) await rename(store, segment.speaker, name);
      const change: { text?: string; speaker?: string | null } = {};
      if (text.value.trim() !== segment.text.trim()) change.text = text.value.trim();
      if (name !== segment.speaker && !renames) change.speaker = name;
      if (Object.keys(change).length > 0) await correct(store, segment, change);
      onClose();
    } catch (error) {
      tellError(error);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") onClose();
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) void save(event);
  };
  return (
    <form class="editor" onSubmit={save}>
      <label>
        {t.text}
        <textarea
          ref={field}
          rows={3}
          maxLength={4000}
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
      </label>
      <div class="row">
        <label>
          {t.speaker}
          <input
            list="speakers"
            maxLength={100}
            value={speaker.value}
            onInput={(event) => (speaker.value = event.currentTarget.value)}
          />
        </label>
        <label class="inline">
          <input
            type="checkbox"
            checked={everywhere.value}
            onChange={(event) => (everywhere.value = event.currentTarget.checked)}
          />
          {t.everywhere}
        </label>
        <datalist id="speakers">
          {speakers.map((name) => (
            <option key={name} value={name ?? ""} />
          ))}
        </datalist>
      </div>
      <div class="row">
        <button type="submit" class="primary">
          {t.save}
        </button>
        <button type="button" onClick={onClose}>
          {t.cancel}
        </button>
        {segment.corrected && <History segment={segment} store={store} onClose={onClose} />}
      </div>
      {!segment.corrected && segment.words.length > 1 && (
        <Splitting segment={segment} store={store} onClose={onClose} />
      )}
    </form>
  );
}

function path(store: MeetingStore, segment: Segment): string {
  return `v1/meetings/${store.id}/segments/${segment.id}`;
}

type Change = { text?: string; speaker?: string | null };

async function correct(store: MeetingStore, before: Segment, body: Change): Promise<void> {
  const headers = { "If-Match": `"${before.version ?? 1}"` };
  const after = await call<Segment>("PATCH", path(store, before), { body, headers });
  store.put(after);
  void store.lookWhileRevised();
  tell(texts.value.edit.saved, () => restore(store, before, after));
}

/** Bring back what stood there *before*, unless somebody has changed it again. */
async function restore(store: MeetingStore, before: Segment, after: Segment): Promise<void> {
  const headers = { "If-Match": `"${after.version ?? 1}"` };
  const body = { text: before.text.trim(), speaker: before.speaker };
  store.put(
    before.corrected
      ? await call<Segment>("PATCH", path(store, after), { body, headers })
      : await call<Segment>("DELETE", `${path(store, after)}/correction`, { headers }),
  );
  void store.lookWhileRevised();
}

async function rename(store: MeetingStore, from: string | null, to: string | null): Promise<void> {
  const change = (speaker: string | null, new_speaker: string | null) =>
    call<{ segments: number }>("PATCH", `v1/meetings/${store.id}/speakers`, { body: { speaker, new_speaker } });
  // Where others already have the new name, undoing would rename them too.
  const isNew = to !== null && !store.segments.value.some((each) => each.speaker === to);
  const { segments } = await change(from, to);
  await store.loadTranscript();
  void store.lookWhileRevised();
  tell(
    texts.value.edit.renamed(segments),
    isNew ? () => change(to, from).then(() => store.loadTranscript()) : undefined,
  );
}

function History({ segment, store, onClose }: EditorOptions) {
  const t = texts.value.edit;
  const versions = useSignal<SegmentVersions["versions"]>([]);
  useEffect(() => {
    get<SegmentVersions>(`${path(store, segment)}/versions`)
      .then((found) => (versions.value = found.versions))
      .catch(tellError);
  }, []);
  const undo = async () => {
    try {
      store.put(await call<Segment>("DELETE", `${path(store, segment)}/correction`));
      void store.lookWhileRevised();
      onClose();
    } catch (error) {
      tellError(error);
    }
  };
  return (
    <details class="history">
      <summary>{t.history}</summary>
      <ol>
        {versions.value.map((version) => (
          <li key={version.version}>
            <small>{version.author ?? t.heard}</small> {version.speaker && <strong>{version.speaker}: </strong>}
            {version.text}
          </li>
        ))}
      </ol>
      <button type="button" onClick={() => void undo()}>
        {t.restore}
      </button>
    </details>
  );
}
