/** A meeting that this browser records: its sources, what is kept of them, and the connections to the server. */
import { signal } from "@preact/signals";
import { socketAddress } from "../server/http";
import type { MeetingEvent } from "../server/types";
import { SAMPLE_RATE } from "./frame";
import { NoSound, openSource, type SoundSource } from "./microphone";
import { Outbox } from "./outbox";
import type { RecordedPiece } from "./recorder.worklet";
import { forgetRecording, type SavedRecording, type SourceKind, saveRecording, TrackPieces } from "./store";
import { type Link, LiveTrack } from "./track";

/** Sound that comes this much later than the clock says was not recorded in between, such as while a laptop slept. */
const GAP_MS = 1_500;
/** The same for the first piece of a source that was just opened. */
const FIRST_GAP_MS = 150;
const SAVE_MS = 2_000;
const LOOK_MS = 250;
const RETRY_MS = 2_000;

export interface Status {
  link: Link;
  /** Seconds of sound that the server has not received. */
  unsentS: number;
  /** Seconds of sound that are not transcribed yet. */
  behindS: number;
  storeError: string | null;
}

export type SoundState = "off" | "on" | "paused" | "lost" | "refused";

function msOf(samples: number): number {
  return (1000 * samples) / SAMPLE_RATE;
}

interface Part {
  name: string;
  kind: SourceKind;
  outbox: Outbox;
  live: LiveTrack;
  source: SoundSource | null;
  /** Nothing of the source has come yet. */
  isFresh: boolean;
  link: Link;
}

/** Starts with sending what is kept of it. `capture` adds sound. */
export class Recording {
  readonly status = signal<Status>({
    link: { state: "connecting", reason: "" },
    unsentS: 0,
    behindS: 0,
    storeError: null,
  });
  readonly sound = signal<SoundState>("off");
  /** Why there is no sound, or which device is used now. */
  readonly soundDetail = signal("");
  readonly muted = signal(false);
  readonly level = signal(0);
  readonly ended = signal(false);
  readonly over: Promise<void>;
  /** Get the events of the meeting. */
  readonly listeners = new Set<(event: MeetingEvent) => void>();
  private parts: Part[];
  private savedMs = 0;
  private looking: number;
  private retrying: number | undefined;

  private constructor(
    readonly saved: SavedRecording,
    outboxes: Outbox[],
  ) {
    this.ended.value = saved.ended;
    this.parts = saved.tracks.map(({ name, kind }, at) => {
      const outbox = outboxes[at] as Outbox;
      const part: Part = {
        name,
        kind,
        outbox,
        live: null as unknown as LiveTrack,
        source: null,
        isFresh: true,
        link: this.status.value.link,
      };
      part.live = new LiveTrack({
        address: (after) => socketAddress(`v1/meetings/${saved.meetingId}/live?track=${name}&after=${after}`),
        track: name,
        outbox,
        onEvent: (event) => {
          if (at === 0) for (const listener of this.listeners) listener(event);
        },
        onLink: (link) => {
          part.link = link;
        },
      });
      return part;
    });
    if (saved.ended) this.askToFinish();
    this.looking = window.setInterval(() => this.look(), LOOK_MS);
    this.over = Promise.all(this.parts.map((part) => part.live.run())).then(() => this.close());
  }

  /** Take up a recording: a new one, or one that an earlier page has left. */
  static async open(saved: SavedRecording): Promise<Recording> {
    await saveRecording(saved);
    const outboxes = await Promise.all(
      saved.tracks.map(async ({ name }) => {
        const pieces = new TrackPieces(saved.meetingId, name);
        const outbox = new Outbox(pieces);
        outbox.restore(await pieces.list(), 0);
        return outbox;
      }),
    );
    return new Recording(saved, outboxes);
  }

  get meetingId(): string {
    return this.saved.meetingId;
  }

  /** Record from now on. Time that has passed since the last piece is a gap. */
  async capture(): Promise<void> {
    window.clearTimeout(this.retrying);
    try {
      for (const part of this.parts) if (part.source === null) await this.openPart(part);
      this.sound.value = "on";
    } catch (error) {
      this.tellNoSound(error);
    }
  }

  /** Stop recording. The meeting's clock stands still. */
  pause(): void {
    this.closeSources();
    this.sound.value = "paused";
  }

  async resume(): Promise<void> {
    this.saved.epochMs = 0;
    await this.capture();
  }

  /** End the meeting: the rest is sent, and the server writes the final minutes. */
  end(): void {
    this.closeSources();
    this.sound.value = "off";
    this.ended.value = this.saved.ended = true;
    void saveRecording(this.saved);
    this.askToFinish();
  }

  /** The moment of the meeting that is recorded now, in seconds; null where this browser does not record. */
  get nowS(): number | null {
    if (this.sound.value !== "on") return null;
    return msOf(Math.max(...this.parts.map((part) => part.outbox.endSample))) / 1000;
  }

  /** The page knows the rows up to *seq*, so a later connection need not send them again. */
  sawUpTo(seq: number): void {
    const first = this.parts[0];
    if (first) first.live.lastSeq = Math.max(first.live.lastSeq, seq);
  }

  /** Whether sound would be lost if the page were closed now. */
  get isRecording(): boolean {
    return this.sound.value === "on" || this.status.value.unsentS > 0;
  }

  private askToFinish(): void {
    // The first track to finish would end the meeting for the others, so only the last one asks.
    const waiting = new Set(this.parts);
    const look = () => {
      for (const part of waiting) if (part.live.receivedSample >= part.outbox.endSample) waiting.delete(part);
      const last = [...waiting][0] ?? this.parts[0];
      if (waiting.size <= 1) last?.live.finish();
      else window.setTimeout(look, LOOK_MS);
    };
    look();
  }

  private async openPart(part: Part): Promise<void> {
    const deviceId = this.saved.tracks.find((track) => track.name === part.name)?.deviceId;
    part.isFresh = true;
    part.source = await openSource(
      part.kind,
      deviceId,
      (piece) => this.take(part, piece),
      () => this.lose(part),
    );
    this.soundDetail.value = part.source.label;
  }

  private take(part: Part, { pcm, atMs, peak }: RecordedPiece): void {
    this.level.value = this.muted.value ? 0 : peak;
    if (this.muted.value) pcm.fill(0);
    const end = part.outbox.endSample;
    this.saved.epochMs ||= atMs - msOf(end + pcm.length);
    const clock = Math.round(((atMs - this.saved.epochMs) * SAMPLE_RATE) / 1000) - pcm.length;
    part.outbox.add({ firstSample: msOf(clock - end) > (part.isFresh ? FIRST_GAP_MS : GAP_MS) ? clock : end, pcm });
    part.isFresh = false;
    this.saved.epochMs = atMs - msOf(part.outbox.endSample); // so that clocks that differ a little make no gap
    part.live.poke();
    this.saved.lastMs = atMs;
    if (atMs - this.savedMs > SAVE_MS) {
      this.savedMs = atMs;
      void saveRecording(this.saved).catch(() => {}); // the outbox reports a store that is full
    }
  }

  /** A microphone was unplugged, or sharing was stopped. Another microphone is taken; the time until then is a gap. */
  private lose(part: Part): void {
    part.source = null;
    this.level.value = 0;
    this.sound.value = "lost";
    this.soundDetail.value = "";
    if (part.kind === "microphone") void this.capture();
  }

  private tellNoSound(error: unknown): void {
    const why = error instanceof NoSound ? error.why : String(error);
    this.soundDetail.value = why;
    this.sound.value = why === "NotAllowedError" ? "refused" : "lost";
    if (this.sound.value === "lost") this.retrying = window.setTimeout(() => void this.capture(), RETRY_MS);
  }

  private closeSources(): void {
    window.clearTimeout(this.retrying);
    for (const part of this.parts) {
      part.source?.stop();
      part.source = null;
    }
    this.level.value = 0;
  }

  private look(): void {
    const seconds = (count: (part: Part) => number) => Math.max(...this.parts.map(count)) / SAMPLE_RATE;
    const worst = this.parts.find((part) => part.link.state !== "connected") ?? this.parts[0];
    this.status.value = {
      link: worst?.link ?? this.status.value.link,
      unsentS: seconds((part) => part.outbox.keptSamples(part.live.receivedSample)),
      behindS: seconds((part) => part.outbox.endSample - part.live.committedSample),
      storeError: this.parts.map((part) => part.outbox.storeError).find(Boolean) ?? null,
    };
  }

  private async close(): Promise<void> {
    window.clearInterval(this.looking);
    this.closeSources();
    this.look();
    this.sound.value = "off";
    const isOver = this.parts.every((part) => part.link.state === "over");
    // What the server refuses stays here until somebody discards it.
    if (isOver || this.status.value.unsentS === 0) await forgetRecording(this.saved);
  }
}
