/** Requests to the API of this page's server. */
import { signal } from "@preact/signals";
import type { Problem } from "./types";

/** True once the server has refused a request because nobody is signed in. */
export const signedOut = signal(false);

/** A problem document that the server answered with, or a server that did not answer (`status` 0). */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.detail);
  }

  is(name: string): boolean {
    return this.problem.type === `urn:minutebook:problem:${name}`;
  }
}

/** The address of *path* on this server, also where a proxy serves the page below a path. */
export function address(path: string): string {
  return new URL(path, document.baseURI).href;
}

export function socketAddress(path: string): string {
  return address(path).replace(/^http/, "ws");
}

interface Options {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Send a request and return the answer's JSON. Throws ProblemError. */
export async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { ...options.headers };
  const init: RequestInit = { method, headers, credentials: "same-origin", signal: options.signal };
  if (options.body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(options.body);
  }
  let answer: Response;
  try {
    answer = await fetch(address(path), init);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ProblemError(0, unanswered(String(error)));
  }
  if (answer.ok) return (answer.status === 204 ? undefined : await answer.json()) as T;
  const problem = await problemOf(answer);
  if (answer.status === 401) signedOut.value = true;
  throw new ProblemError(answer.status, problem);
}

export const get = <T>(path: string, signal?: AbortSignal) => call<T>("GET", path, { signal });

async function problemOf(answer: Response): Promise<Problem> {
  try {
    return (await answer.json()) as Problem;
  } catch {
    const detail = `${answer.status} ${answer.statusText}`;
    return { type: "about:blank", title: detail, status: answer.status, detail, retryable: answer.status >= 500 };
  }
}

function unanswered(detail: string): Problem {
  return { type: "urn:minutebook:problem:unavailable", title: "no answer", status: 0, detail, retryable: true };
}
