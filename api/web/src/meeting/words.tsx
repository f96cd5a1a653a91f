/** The words of a segment. While they are played, each is an element, and the spoken one is marked. */

import type { Segment } from "../server/types";
import { texts } from "../texts";
import { piecesOf } from "./found";
import type { Playback } from "./playback";
import { momentOf } from "./timeline";

const UNSURE = 0.5;

interface WordsOptions {
  segment: Segment;
  playback: Playback | null;
  /** The place of the word that is spoken now, or null if none of this segment is. */
  spoken: number | null;
  /** The words that a search has found here. */
  found?: readonly string[];
}

export function Words({ segment, playback, spoken, found = [] }: WordsOptions) {
  const listen = (event: MouseEvent) => {
    const box = event.currentTarget as HTMLElement;
    if (!playback || getSelection()?.isCollapsed === false) return; // somebody selects text
    const offset = offsetIn(box, event);
    if (offset !== null) playback.playFrom(momentOf(segment, offset));
  };
  return (
    // Keyboards have the time beside it, which is a button.
    // biome-ignore lint/a11y: the same can be done with the button
    <span class={playback ? "said playable" : "said"} onClick={listen}>
      {found.length > 0 && spoken === null ? (
        <Found text={segment.text} words={found} />
      ) : (
        <Text segment={segment} spoken={spoken} />
      )}
    </span>
  );
}

function Found({ text, words }: { text: string; words: readonly string[] }) {
  return (
    <>{piecesOf(text, words).map((piece, at) => (piece.isFound ? <mark key={at}>{piece.text}</mark> : piece.text))}</>
  );
}

/** Most segments are one text. Only spoken words, and those that the model was not sure of, need an element. */
function Text({ segment, spoken }: { segment: Segment; spoken: number | null }) {
  if (spoken === null && segment.words.every((word) => word.probability >= UNSURE)) return <>{segment.text}</>;
  return (
    <>
      {segment.words.map((word, at) =>
        word.probability < UNSURE || at === spoken ? <Marked key={at} word={word} spoken={at === spoken} /> : word.text,
      )}
    </>
  );
}

/** Words bring their spaces with them, in languages that have spaces. */
function Marked({ word, spoken }: { word: Segment["words"][number]; spoken: boolean }) {
  const text = word.text.trimStart();
  const unsure = word.probability < UNSURE;
  return (
    <>
      {word.text.slice(0, word.text.length - text.length)}
      <span
        class={[unsure && "unsure", spoken && "spoken"].filter(Boolean).join(" ")}
        title={unsure ? texts.value.meeting.unsure(Math.round(100 * word.probability)) : undefined}
      >
        {text}
      </span>
    </>
  );
}

/** How many letters of *box* stand before the place that was clicked. */
function offsetIn(box: HTMLElement, event: MouseEvent): number | null {
  const caret = document.caretPositionFromPoint?.(event.clientX, event.clientY);
  const range = caret ? null : document.caretRangeFromPoint?.(event.clientX, event.clientY);
  const node = caret?.offsetNode ?? range?.startContainer;
  if (!node || !box.contains(node)) return null;
  const before = document.createRange();
  before.setStart(box, 0);
  before.setEnd(node, caret?.offset ?? range?.startOffset ?? 0);
  return before.toString().length;
}
