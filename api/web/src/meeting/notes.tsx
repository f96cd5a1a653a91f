/** Notes that people type while they listen, and moments that they mark. Each stands at its moment. */
import { useSignal } from "@preact/signals";
import { clock } from "../parts/format";
import { remember, remembered } from "../parts/memory";
import { tell, tellError } from "../parts/toast";
import { call } from "../server/http";
import type { TypedNote } from "../server/types";
import { texts } from "../texts";
import type { MeetingStore } from "./store";

/** The text of a moment that was marked without words. */
export const MARK = "★";

/** *now* gives the moment in seconds, or null for where the received audio ends. */
export function NoteBox({ store, now }: { store: MeetingStore; now: () => number | null }) {
  const t = texts.value.notes;
  const text = useSignal("");
  const person = useSignal(remembered("person") ?? "");
  /** A note belongs to the moment at which its first letter was typed. */
  const begun = useSignal<number | null>(null);
  const type = (typed: string) => {
    if (text.value === "" && typed !== "") begun.value = now();
    text.value = typed;
  };
  const add = async (note: string, atS: number | null) => {
    try {
      remember("person", person.value.trim());
      const body = { text: note, person: person.value.trim() || null, ...(atS === null ? {} : { at_s: atS }) };
      const added = await call<TypedNote>("POST", `v1/meetings/${store.id}/typed-notes`, { body });
      await store.loadNotes();
      tell(t.added(clock(added.at_s)), () => remove(store, added));
    } catch (error) {
      tellError(error);
      text.value ||= note === MARK ? "" : note;
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const note = text.value.trim();
    text.value = "";
    if (note) void add(note, begun.value);
  };
  return (
    <form class="row notes" onSubmit={submit}>
      <input
        class="wide"
        aria-label={t.label}
        placeholder={t.label}
        maxLength={1000}
        value={text.value}
        onInput={(event) => type(event.currentTarget.value)}
      />
      <input
        class="short"
        aria-label={t.person}
        placeholder={t.person}
        maxLength={100}
        value={person.value}
        onInput={(event) => (person.value = event.currentTarget.value)}
      />
      <button type="submit">{t.add}</button>
      <button type="button" onClick={() => void add(MARK, now())}>
        {MARK} {t.mark}
      </button>
    </form>
  );
}

export function NoteRow({ store, note }: { store: MeetingStore; note: TypedNote }) {
  const t = texts.value;
  const drop = () => void remove(store, note).catch(tellError);
  return (
    <li class="note">
      <span class="time">{clock(note.at_s)}</span>
      <p>
        {note.person && <strong>{note.person}: </strong>}
        {note.text === MARK ? `${MARK} ${t.notes.marked}` : note.text}
      </p>
      {!store.readOnly && (
        <button type="button" class="plain edit" aria-label={t.notes.remove(note.text.slice(0, 40))} onClick={drop}>
          ×
        </button>
      )}
    </li>
  );
}

async function remove(store: MeetingStore, note: TypedNote): Promise<void> {
  await call("DELETE", `v1/meetings/${store.id}/typed-notes/${note.id}`);
  await store.loadNotes();
}
