/** Divides a segment where somebody else begins to speak, and offers to undo it. */
import { useSignal } from "@preact/signals";
import { tell, tellError } from "../parts/toast";
import { call } from "../server/http";
import type { Segment, SplitSegments } from "../server/types";
import { texts } from "../texts";
import type { MeetingStore } from "./store";

interface SplittingOptions {
  segment: Segment;
  store: MeetingStore;
  onClose: () => void;
}

export function Splitting({ segment, store, onClose }: SplittingOptions) {
  const t = texts.value.split;
  const word = useSignal(2);
  const speaker = useSignal("");
  const take = ({ segments }: SplitSegments) => {
    for (const each of segments) store.put(each);
    void store.lookWhileRevised();
  };
  const split = async () => {
    const path = (id: number) => `${store.root}/segments/${id}/split`;
    try {
      const body = { word: word.value, speaker: speaker.value.trim() || null };
      const parts = await call<SplitSegments>("POST", path(segment.id), { body });
      const added = parts.segments.find((each) => each.id !== segment.id);
      take(parts);
      onClose();
      tell(texts.value.edit.saved, async () => take(await call<SplitSegments>("DELETE", path(added?.id ?? 0))));
    } catch (error) {
      tellError(error);
    }
  };
  return (
    <details class="splitting">
      <summary>{t.title}</summary>
      <fieldset>
        <legend class="hint">{t.where}</legend>
        <p class="words">
          {segment.words.slice(1).map(({ text }, at) => (
            <button
              key={at}
              type="button"
              class="plain"
              aria-pressed={word.value === at + 2}
              onClick={() => (word.value = at + 2)}
            >
              {text.trim()}
            </button>
          ))}
        </p>
      </fieldset>
      <div class="row">
        <label>
          {t.who}
          <input
            list="speakers"
            maxLength={100}
            value={speaker.value}
            onInput={(event) => (speaker.value = event.currentTarget.value)}
          />
        </label>
        <button type="button" onClick={() => void split()}>
          {t.split}
        </button>
      </div>
    </details>
  );
}
