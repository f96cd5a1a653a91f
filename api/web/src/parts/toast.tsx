/** Short messages at the edge of the page, some of which offer to undo what was done. */
import { signal } from "@preact/signals";
import { ProblemError } from "../server/http";
import { texts } from "../texts";

interface Toast {
  id: number;
  text: string;
  isError: boolean;
  undo: (() => Promise<void>) | undefined;
}

const SHOWN_MS = 10_000;
const toasts = signal<Toast[]>([]);
let last = 0;

export function tell(text: string, undo?: () => Promise<void>): void {
  show({ text, undo, isError: false });
}

/** Say what went wrong, in the person's language where the page knows the problem. */
export function tellError(error: unknown): void {
  show({ text: wordsFor(error), undo: undefined, isError: true });
}

export function wordsFor(error: unknown): string {
  const { problem } = texts.value;
  if (!(error instanceof ProblemError)) return String(error);
  if (error.status === 0) return problem.unreachable;
  if (error.status === 410) return problem.gone;
  if (error.status === 403) return problem.forbidden;
  if (error.status === 412) return problem.changed;
  return problem.other(error.problem.detail);
}

function show(toast: Omit<Toast, "id">): void {
  const id = ++last;
  toasts.value = [...toasts.value.slice(-3), { ...toast, id }];
  window.setTimeout(() => hide(id), SHOWN_MS);
}

function hide(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function Toasts() {
  const t = texts.value;
  const undo = async (toast: Toast) => {
    hide(toast.id);
    try {
      await toast.undo?.();
      tell(t.edit.undone);
    } catch (error) {
      tellError(error);
    }
  };
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={toast.isError ? "toast error" : "toast"}>
          <span>{toast.text}</span>
          {toast.undo && (
            <button type="button" onClick={() => void undo(toast)}>
              {t.edit.undo}
            </button>
          )}
          <button type="button" class="plain" aria-label={t.dialog.close} onClick={() => hide(toast.id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
