/** A meeting as the page shows it, built from the API's answers and from events. */
import { computed, signal } from "@preact/signals";
import { recordings } from "../live/recordings";
import { address, get, ProblemError } from "../server/http";
import type {
  Action,
  Coverage,
  Meeting,
  MeetingEvent,
  MinutesOut,
  Segment,
  Sentence,
  Transcript,
  TypedNote,
} from "../server/types";
import type { Playback } from "./playback";
import { type Spoken, spokenAt } from "./timeline";

const LOOK_MS = 2_000;
const EVENTS = ["segment", "partial", "minutes", "coverage", "state", "upload", "error"];

export class MeetingStore {
  readonly meeting = signal<Meeting | null>(null);
  readonly segments = signal<Segment[]>([]);
  /** Words that may still change, by track. */
  readonly partials = signal<Record<string, string>>({});
  readonly minutes = signal<MinutesOut | null>(null);
  readonly coverage = signal<Coverage | null>(null);
  /** Ids of the sentences that the last minutes have added or changed. */
  readonly fresh = signal<ReadonlySet<string>>(new Set());
  /** Ids of the segments that are pointed at. */
  readonly pointed = signal<ReadonlySet<number>>(new Set());
  /** The words that a search has found in them. */
  readonly found = signal<readonly string[]>([]);
  readonly notes = signal<TypedNote[]>([]);
  readonly error = signal<ProblemError | null>(null);
  /** Plays the meeting, if its audio is kept. */
  readonly playback = signal<Playback | null>(null);
  private lastSpoken: Spoken | null = null;
  /** The word that is heard now. It is the same object as long as it is the same word. */
  readonly spoken = computed(() => {
    const playback = this.playback.value;
    const now = playback && playback.nowS.value > 0 ? spokenAt(this.segments.value, playback.nowS.value) : null;
    const same = now?.segment === this.lastSpoken?.segment && now?.word === this.lastSpoken?.word;
    if (!same) this.lastSpoken = now;
    return this.lastSpoken;
  });
  private lastSeq = 0;
  private closed = false;
  private source: EventSource | null = null;
  private leave = () => {};

  constructor(
    readonly id: string,
    /** Nobody corrects what a share link shows. */
    readonly readOnly = false,
  ) {}

  /** Where the API has the meeting. */
  get root(): string {
    return `v1/meetings/${this.id}`;
  }

  async open(): Promise<void> {
    try {
      await this.load();
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      this.error.value = error;
      if (error.problem.retryable && !this.closed) window.setTimeout(() => void this.open(), LOOK_MS);
      return;
    }
    this.error.value = null;
    if (this.closed || this.isOver) return void this.lookWhileRevised();
    const recording = recordings.value.get(this.id);
    if (recording) {
      recording.sawUpTo(this.lastSeq);
      recording.listeners.add(this.take);
      this.leave = () => recording.listeners.delete(this.take);
    } else this.follow();
  }

  close(): void {
    this.closed = true;
    this.source?.close();
    this.playback.value?.close();
    this.leave();
  }

  get isOver(): boolean {
    const state = this.meeting.value?.state;
    return state === "finished" || state === "deleted";
  }

  /** Point at segments, and at *words* in them, and show the first of them. */
  point(ids: readonly number[], words: readonly string[] = []): void {
    this.pointed.value = new Set(ids);
    this.found.value = words;
    const first = this.segments.value.find((segment) => ids.includes(segment.id));
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    requestAnimationFrame(() => {
      const row = document.getElementById(`segment-${first?.id}`);
      (row?.querySelector("mark") ?? row)?.scrollIntoView({ block: "center", behavior });
    });
  }

  /** Put a corrected segment in its place. */
  put(segment: Segment): void {
    const others = this.segments.value;
    const at = others.findIndex((other) => other.id === segment.id);
    if (at >= 0) this.segments.value = others.with(at, segment);
    else this.segments.value = [...others, segment].sort((a, b) => a.start_s - b.start_s || a.id - b.id);
  }

  /** Read the meeting again after a change, until its minutes are rewritten. */
  async lookWhileRevised(): Promise<void> {
    while (!this.closed) {
      const meeting = await get<Meeting>(`v1/meetings/${this.id}`).catch(() => null);
      if (meeting) this.meeting.value = meeting;
      if (meeting && !meeting.revising) break;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    await this.loadMinutes();
  }

  async loadNotes(): Promise<void> {
    this.notes.value = (await get<{ typed_notes: TypedNote[] }>(`v1/meetings/${this.id}/typed-notes`)).typed_notes;
  }

  async loadTranscript(): Promise<void> {
    const transcript = await get<Transcript>(`v1/meetings/${this.id}/transcript?words=true`);
    this.segments.value = transcript.segments;
    this.lastSeq = Math.max(this.lastSeq, transcript.last_seq);
  }

  readonly take = (event: MeetingEvent): void => {
    this.lastSeq = Math.max(this.lastSeq, event.seq ?? 0);
    switch (event.type) {
      case "segment":
        this.put(event.data);
        this.partials.value = { ...this.partials.value, [event.data.track]: "" };
        break;
      case "partial":
        this.partials.value = { ...this.partials.value, [event.data.track]: event.data.text };
        break;
      case "minutes":
        this.takeMinutes(event.data);
        break;
      case "coverage":
        this.coverage.value = event.data;
        break;
      case "state":
        this.takeState(event.data.state);
    }
  };

  private async load(): Promise<void> {
    const meeting = await get<Meeting>(`v1/meetings/${this.id}`);
    await this.loadTranscript();
    await this.loadMinutes();
    await this.loadNotes();
    this.coverage.value = meeting.coverage ?? null;
    this.meeting.value = meeting;
  }

  private async loadMinutes(): Promise<void> {
    try {
      this.takeMinutes(await get<MinutesOut>(`v1/meetings/${this.id}/minutes`));
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status !== 404) throw error;
    }
  }

  private takeMinutes(minutes: MinutesOut): void {
    const before = this.minutes.value;
    if (before?.kind === "final" && minutes.kind !== "final") return;
    if (minutes.typed_notes) this.notes.value = minutes.typed_notes;
    if (before) {
      const known = new Map(sentencesOf(before).map((each) => [each.id, each.text]));
      const fresh = sentencesOf(minutes).filter((each) => known.get(each.id) !== each.text);
      this.fresh.value = new Set(fresh.map((each) => each.id ?? ""));
    }
    this.minutes.value = minutes;
  }

  private takeState(state: Meeting["state"]): void {
    const meeting = this.meeting.value;
    if (meeting && meeting.state !== state) this.meeting.value = { ...meeting, state };
    if (!this.isOver) return;
    this.source?.close();
    this.partials.value = {};
    if (state === "finished") void this.load();
  }

  /** Follow as a viewer. The browser connects again by itself, and says which row it has seen. */
  private follow(): void {
    this.source = new EventSource(address(`v1/meetings/${this.id}/events?after=${this.lastSeq}`));
    for (const type of EVENTS) {
      this.source.addEventListener(type, (message: MessageEvent) => {
        if (typeof message.data !== "string") return; // the connection's own errors have no data
        const seq = message.lastEventId ? Number(message.lastEventId) : null;
        this.take({ type, seq, data: JSON.parse(message.data) });
      });
    }
  }
}

export function sentencesOf({ minutes }: MinutesOut): (Sentence | Action)[] {
  return [
    ...(minutes.overview ?? []),
    ...(minutes.decisions ?? []),
    ...(minutes.actions ?? []),
    ...(minutes.questions ?? []),
    ...(minutes.chapters ?? []).flatMap((chapter) => chapter.sentences ?? []),
    ...(minutes.sections ?? []).flatMap((section) => section.sentences ?? []),
  ];
}
