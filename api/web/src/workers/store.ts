/** What all workers do, read again every two seconds while somebody looks. */
import { signal } from "@preact/signals";
import { tellError, wordsFor } from "../parts/toast";
import { call, get } from "../server/http";
import type { Failure, Fleet } from "../server/types";

export const LOOK_MS = 2_000;

export const fleet = signal<Fleet | null>(null);
/** Why the last look has failed; empty if it has not. */
export const fault = signal("");
/** The paths that were asked and have not answered. Their buttons wait. */
export const asked = signal<ReadonlySet<string>>(new Set());

let looking = false;

export async function look(): Promise<void> {
  if (looking) return;
  looking = true;
  try {
    fleet.value = await get<Fleet>("v1/workers");
    fault.value = "";
  } catch (error) {
    fault.value = wordsFor(error);
  } finally {
    looking = false;
  }
}

/** Ask for something that may be asked twice, and look at what became of it. True if the server took it. */
async function ask(path: string): Promise<boolean> {
  asked.value = new Set([...asked.value, path]);
  try {
    await call("POST", path);
    return true;
  } catch (error) {
    tellError(error);
    return false;
  } finally {
    asked.value = new Set([...asked.value].filter((each) => each !== path));
    await look();
  }
}

export type WorkerAction = "drain" | "resume" | "restart";

export const workerPath = (name: string, action: WorkerAction) => `v1/workers/${encodeURIComponent(name)}/${action}`;
export const askWorker = (name: string, action: WorkerAction) => ask(workerPath(name, action));
export const askQueue = (queue: string, action: "pause" | "resume") => ask(`v1/queues/${queue}/${action}`);
export const replay = (failure: Failure) => ask(`v1/failures/${failure.id}/replay`);
export const replayAll = () => ask("v1/failures/replay");

const HERE = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** The address of Flower, if this browser can reach it: a Flower of the server's own machine serves that one only. */
export function flowerAddress(url: string | null | undefined, host: string): string | null {
  if (!url) return null;
  const there = new URL(url).hostname;
  return HERE.has(there) && !HERE.has(host) ? null : url.replace(/\/$/, "");
}
