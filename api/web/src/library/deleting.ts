/** Deleting with time to undo it. The server is asked only when that time is over, or when the page is left. */
import { signal } from "@preact/signals";
import { tellError } from "../parts/toast";
import { address, call } from "../server/http";

export const UNDO_MS = 10_000;

/** Ids of meetings that are about to be deleted. Lists leave them out. */
export const leaving = signal<ReadonlySet<string>>(new Set());

/** Delete meetings soon. Returns what keeps them. */
export function deleteSoon(ids: readonly string[]): () => Promise<void> {
  leaving.value = new Set([...leaving.value, ...ids]);
  const timer = setTimeout(() => void deleteNow(ids), UNDO_MS);
  return async () => {
    clearTimeout(timer);
    keep(ids);
  };
}

async function deleteNow(ids: readonly string[]): Promise<void> {
  try {
    for (const id of ids) await call("DELETE", `v1/meetings/${id}`);
  } catch (error) {
    tellError(error);
  }
  keep(ids);
}

function keep(ids: readonly string[]): void {
  leaving.value = new Set([...leaving.value].filter((id) => !ids.includes(id)));
}

window.addEventListener("pagehide", () => {
  for (const id of leaving.value) {
    void fetch(address(`v1/meetings/${id}`), { method: "DELETE", keepalive: true });
  }
});
