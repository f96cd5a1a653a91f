/** Files on their way to the server, by the tus protocol: they resume after a lost connection or a reload. */
import { signal } from "@preact/signals";
import { DetailedError, Upload } from "tus-js-client";
import { address, signedOut } from "../server/http";

export interface SentFile {
  id: number;
  name: string;
  percent: number;
  state: "sending" | "waiting" | "stopped" | "done" | "failed";
  reason: string;
  upload: Upload;
}

const CHUNK_BYTES = 8 << 20;
const RETRY_MS = [0, 500, 1_000, 2_000, 5_000, ...Array<number>(120).fill(10_000)];

export const sentFiles = signal<SentFile[]>([]);
let last = 0;

/** Send *file*. *onDone* is called when the server has all of it. */
export function sendFile(file: File, onDone: () => void): void {
  const id = ++last;
  const upload = new Upload(file, {
    endpoint: address("v1/uploads/tus"),
    chunkSize: CHUNK_BYTES,
    retryDelays: RETRY_MS,
    removeFingerprintOnSuccess: true,
    metadata: { filename: file.name, modified_at: new Date(file.lastModified).toISOString() },
    onProgress: (sent, total) => change(id, { state: "sending", percent: Math.floor((100 * sent) / (total || 1)) }),
    onShouldRetry: (error) => {
      const status = error instanceof DetailedError ? (error.originalResponse?.getStatus() ?? 0) : 0;
      if (status === 401) signedOut.value = true;
      const again = status === 0 || status === 409 || status === 423 || status === 429 || status >= 500;
      if (again) change(id, { state: "waiting" });
      return again;
    },
    onError: (error) => change(id, { state: "failed", reason: reasonOf(error) }),
    onSuccess: () => {
      change(id, { state: "done", percent: 100 });
      onDone();
    },
  });
  sentFiles.value = [...sentFiles.value, { id, name: file.name, percent: 0, state: "sending", reason: "", upload }];
  void start(upload);
}

/** Go on where an earlier page has stopped sending the same file, else begin. */
async function start(upload: Upload): Promise<void> {
  const [earlier] = await upload.findPreviousUploads();
  if (earlier) upload.resumeFromPreviousUpload(earlier);
  upload.start();
}

export async function stopSending(file: SentFile): Promise<void> {
  await file.upload.abort();
  change(file.id, { state: "stopped" });
}

export function goOnSending(file: SentFile): void {
  change(file.id, { state: "sending" });
  file.upload.start();
}

export function removeFile(file: SentFile): void {
  sentFiles.value = sentFiles.value.filter(({ id }) => id !== file.id);
}

function change(id: number, facts: Partial<SentFile>): void {
  sentFiles.value = sentFiles.value.map((file) => (file.id === id ? { ...file, ...facts } : file));
}

/** The server's own words if it sent a problem document. */
function reasonOf(error: Error): string {
  const body = error instanceof DetailedError ? (error.originalResponse?.getBody() ?? "") : "";
  try {
    return (JSON.parse(body) as { detail?: string }).detail ?? error.message;
  } catch {
    return error.message;
  }
}

window.addEventListener("beforeunload", (event) => {
  if (sentFiles.value.some(({ state }) => state === "sending" || state === "waiting")) event.preventDefault();
});
