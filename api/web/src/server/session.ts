/** What this browser may do, and what the server says about itself. */
import { signal } from "@preact/signals";
import { get } from "./http";
import type { PageSession } from "./types";

export const session = signal<PageSession | null>(null);

export async function learnSession(): Promise<void> {
  session.value = await get<PageSession>("v1/session").catch(() => null);
}
