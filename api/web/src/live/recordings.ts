/** The meetings that this browser records. Each belongs to one tab at a time. */
import { signal } from "@preact/signals";
import { call } from "../server/http";
import type { Meeting, NewMeeting } from "../server/types";
import { Recording } from "./recording";
import { type SavedRecording, type SourceKind, savedRecordings } from "./store";

/** After a reload within this time the microphone goes on by itself. Later the person is asked. */
const SOON_MS = 120_000;

export const recordings = signal<ReadonlyMap<string, Recording>>(new Map());

export interface ChosenSource {
  kind: SourceKind;
  deviceId?: string | undefined;
}

const TRACK_NAMES: Record<SourceKind, string> = { microphone: "main", screen: "far" };

/** Create a meeting and record it. Throws ProblemError. */
export async function startMeeting(about: Partial<NewMeeting>, sources: ChosenSource[]): Promise<Recording> {
  const tracks = sources.map(({ kind, deviceId }) => ({ name: TRACK_NAMES[kind], kind, deviceId }));
  const body = { ...about, tracks: tracks.map(({ name }) => ({ name })) };
  const meeting = await call<Meeting>("POST", "v1/meetings", { body });
  const now = Date.now();
  const saved = { meetingId: meeting.id, title: about.title ?? "", tracks, epochMs: 0, lastMs: now, ended: false };
  const recording = await hold(saved);
  if (recording === null) throw new Error(`another tab already records meeting ${meeting.id}`);
  await recording.capture();
  return recording;
}

/** Take up what an earlier page has left: send what is kept, and record on if that was just now. */
export async function takeUp(): Promise<void> {
  for (const saved of await savedRecordings()) {
    const recording = recordings.value.has(saved.meetingId) ? null : await hold(saved);
    if (recording === null || saved.ended || Date.now() - saved.lastMs > SOON_MS) continue;
    if (saved.tracks.every(({ kind }) => kind === "microphone") && (await isAllowed())) await recording.capture();
  }
}

async function isAllowed(): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: "microphone" as PermissionName })).state === "granted";
  } catch {
    return false;
  }
}

/** Open a recording unless another tab has it. */
function hold(saved: SavedRecording): Promise<Recording | null> {
  return new Promise((resolve, reject) => {
    const work = async (lock: Lock | null) => {
      if (lock === null) return resolve(null);
      try {
        const recording = await Recording.open(saved);
        recordings.value = new Map(recordings.value).set(saved.meetingId, recording);
        resolve(recording);
        await recording.over;
        const left = new Map(recordings.value);
        left.delete(saved.meetingId);
        recordings.value = left;
      } catch (error) {
        reject(error);
      }
    };
    void navigator.locks.request(`minutebook ${saved.meetingId}`, { ifAvailable: true }, work);
  });
}

window.addEventListener("beforeunload", (event) => {
  if ([...recordings.value.values()].some((recording) => recording.isRecording)) event.preventDefault();
});
