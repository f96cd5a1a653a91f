/** The browser's database: recordings that are under way, and their audio that the server has not committed. */
import type { Piece, PieceStore } from "./outbox";

export type SourceKind = "microphone" | "screen";

/** A recording of this browser. `epochMs` is the clock at sample 0; 0 means that the next piece sets it. */
export interface SavedRecording {
  meetingId: string;
  title: string;
  tracks: { name: string; kind: SourceKind; deviceId?: string | undefined }[];
  epochMs: number;
  /** The clock when the last piece was recorded. */
  lastMs: number;
  /** The person has ended the meeting; what is left of its audio still has to be sent. */
  ended: boolean;
}

interface StoredPiece {
  track: string;
  firstSample: number;
  pcm: Int16Array;
}

const NAME = "minutebook";
const LONGEST = Number.MAX_SAFE_INTEGER;

let opening: Promise<IDBDatabase> | null = null;

function opened(): Promise<IDBDatabase> {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("recordings", { keyPath: "meetingId" });
      request.result.createObjectStore("pieces", { keyPath: ["track", "firstSample"] });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

type Mode = "readonly" | "readwrite";

async function run<T>(
  name: string,
  mode: Mode,
  work: (store: IDBObjectStore) => IDBRequest<T> | undefined,
): Promise<T> {
  const database = await opened();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(name, mode);
    const request = work(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(request?.result as T);
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });
}

export function saveRecording(recording: SavedRecording): Promise<unknown> {
  return run("recordings", "readwrite", (store) => store.put(recording));
}

export function savedRecordings(): Promise<SavedRecording[]> {
  return run("recordings", "readonly", (store) => store.getAll() as IDBRequest<SavedRecording[]>);
}

/** Forget a recording and its audio. */
export async function forgetRecording(recording: SavedRecording): Promise<void> {
  for (const track of recording.tracks) {
    await run("pieces", "readwrite", (store) => store.delete(rangeOf(key(recording.meetingId, track.name), LONGEST)));
  }
  await run("recordings", "readwrite", (store) => store.delete(recording.meetingId));
}

function key(meetingId: string, track: string): string {
  return `${meetingId}/${track}`;
}

function rangeOf(track: string, before: number): IDBKeyRange {
  return IDBKeyRange.bound([track, 0], [track, before], false, true);
}

/** The stored pieces of one track of a meeting. */
export class TrackPieces implements PieceStore {
  private readonly track: string;

  constructor(meetingId: string, track: string) {
    this.track = key(meetingId, track);
  }

  async put(pieces: Piece[]): Promise<void> {
    await run("pieces", "readwrite", (store) => {
      for (const { firstSample, pcm } of pieces) {
        store.put({ track: this.track, firstSample, pcm: pcm.slice() } satisfies StoredPiece);
      }
      return undefined;
    });
  }

  async read(firstSample: number): Promise<Int16Array | undefined> {
    const found = await run("pieces", "readonly", (store) => store.get([this.track, firstSample]));
    return (found as StoredPiece | undefined)?.pcm;
  }

  async dropBefore(sample: number): Promise<void> {
    await run("pieces", "readwrite", (store) => store.delete(rangeOf(this.track, sample)));
  }

  /** Position and length of every stored piece, in order. */
  async list(): Promise<{ firstSample: number; samples: number }[]> {
    const found: { firstSample: number; samples: number }[] = [];
    await run("pieces", "readonly", (store) => {
      const request = store.openCursor(rangeOf(this.track, LONGEST));
      request.onsuccess = () => {
        const cursor = request.result;
        if (cursor === null) return;
        const { firstSample, pcm } = cursor.value as StoredPiece;
        found.push({ firstSample, samples: pcm.length });
        cursor.continue();
      };
      return undefined;
    });
    return found;
  }
}
