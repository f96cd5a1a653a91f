/** A question that has to be answered before something happens that cannot be undone. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { texts } from "../texts";

interface Question {
  text: string;
  answer: (yes: boolean) => void;
}

const asked = signal<Question | null>(null);

export function confirmed(text: string): Promise<boolean> {
  return new Promise((resolve) => {
    asked.value = { text, answer: resolve };
  });
}

export function Confirm() {
  const dialog = useRef<HTMLDialogElement>(null);
  const question = asked.value;
  const t = texts.value;
  useEffect(() => {
    if (question) dialog.current?.showModal();
  }, [question]);
  if (question === null) return null;
  const answer = (yes: boolean) => {
    asked.value = null;
    question.answer(yes);
  };
  return (
    <dialog ref={dialog} aria-labelledby="question" onCancel={() => answer(false)}>
      <p id="question">{question.text}</p>
      <div class="row end">
        <button type="button" onClick={() => answer(false)}>
          {t.dialog.no}
        </button>
        <button type="button" class="danger" onClick={() => answer(true)}>
          {t.dialog.yes}
        </button>
      </div>
    </dialog>
  );
}
