/** Corrects a sentence of the final minutes, and offers to undo it. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { tell, tellError } from "../parts/toast";
import { call } from "../server/http";
import type { Action, Sentence } from "../server/types";
import { texts } from "../texts";
import type { MeetingStore } from "./store";

interface EditorOptions {
  item: Sentence | Action;
  store: MeetingStore;
  onClose: () => void;
}

export function SentenceEditor({ item, store, onClose }: EditorOptions) {
  const t = texts.value.edit;
  const text = useSignal(item.text);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      if (text.value.trim() !== item.text) await correct(store, item, text.value.trim());
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
          maxLength={2000}
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
      </label>
      <p class="hint">{t.removeHint}</p>
      <div class="row">
        <button type="submit" class="primary">
          {t.save}
        </button>
        <button type="button" onClick={onClose}>
          {t.cancel}
        </button>
      </div>
    </form>
  );
}

async function correct(store: MeetingStore, item: Sentence | Action, text: string): Promise<void> {
  const path = `v1/meetings/${store.id}/minutes/sentences/${item.id}`;
  await call("PATCH", path, { body: { text }, headers: { "If-Match": `"${item.version ?? 1}"` } });
  void store.lookWhileRevised();
  tell(texts.value.edit.saved, async () => {
    if (item.corrected) await call("PATCH", path, { body: { text: item.text } });
    else await call("DELETE", `${path}/correction`);
    await store.lookWhileRevised();
  });
}
