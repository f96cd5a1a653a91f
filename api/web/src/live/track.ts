/** Streams the audio of one track over the live socket, sends lost audio again, and passes on the meeting's events. */
import type { MeetingEvent, Problem } from "../server/types";
import { encodeFrame, SAMPLE_RATE } from "./frame";
import type { Outbox } from "./outbox";

const FIRST_BACKOFF_MS = 200;
const LONGEST_BACKOFF_MS = 5_000;
/** Frames that were sent after a refused one are refused too. Their refusals arrive within this pause. */
const GAP_PAUSE_MS = 250;
const RETRY_PAUSE_MS = 1_000;
/** Audio that is sent ahead of the acknowledgements, so that a slow network is not flooded after an interruption. */
const AHEAD_SAMPLES = 20 * SAMPLE_RATE;
const CONNECTED_MS = 20_000;
const ACKNOWLEDGED_MS = 6_000;
const PROBLEM = "urn:minutebook:problem:";

export type LinkState = "connecting" | "connected" | "waiting" | "over" | "refused";

/** What the page tells about the connection. `reason` is why it is not connected. */
export interface Link {
  state: LinkState;
  reason: string;
}

export interface TrackOptions {
  /** The address of the live socket for *after*, the number of the last event that was seen. */
  address: (after: number) => string;
  track: string;
  outbox: Outbox;
  onEvent: (event: MeetingEvent) => void;
  onLink: (link: Link) => void;
  connect?: (address: string) => WebSocket;
}

/** One track of a meeting, over as many connections as necessary. It goes on until the meeting has ended. */
export class LiveTrack {
  receivedSample = 0;
  committedSample = 0;
  lastSeq = 0;
  private nextSample = 0;
  private holdUntilMs = 0;
  private finishWanted = false;
  private finishSent = false;
  private refusal: Problem | null = null;
  private over = false;
  private stopped = false;
  private wake: () => void = () => {};
  private changed = false;
  private heardMs = 0;

  constructor(private readonly options: TrackOptions) {}

  /** Connect, and stay connected. Resolves when the meeting has ended, the server refuses it, or `stop` was called. */
  async run(): Promise<void> {
    let backoffMs = FIRST_BACKOFF_MS;
    while (!this.stopped) {
      this.options.onLink({ state: "connecting", reason: this.refusal?.detail ?? "" });
      const { resumed, reason } = await this.useConnection();
      if (this.over) return this.options.onLink({ state: "over", reason: "" });
      if (this.isRefused()) return this.options.onLink({ state: "refused", reason: this.refusal?.detail ?? "" });
      if (resumed) backoffMs = FIRST_BACKOFF_MS;
      this.options.onLink({ state: "connecting", reason });
      this.changed = false;
      await this.sleep(backoffMs * (0.5 + Math.random() / 2));
      backoffMs = Math.min(2 * backoffMs, LONGEST_BACKOFF_MS);
    }
  }

  /** There is new audio. */
  poke(): void {
    this.changed = true;
    this.wake();
  }

  /** End the meeting once all audio has arrived. */
  finish(): void {
    this.finishWanted = true;
    this.poke();
  }

  /** Leave. The meeting goes on. */
  stop(): void {
    this.stopped = true;
    this.poke();
  }

  private async useConnection(): Promise<{ resumed: boolean; reason: string }> {
    this.finishSent = false;
    this.refusal = null;
    const connect = this.options.connect ?? ((address: string) => new WebSocket(address));
    const socket = connect(this.options.address(this.lastSeq));
    socket.binaryType = "arraybuffer";
    let resumed = false;
    let ending: string | null = null;
    const end = (reason: string) => {
      ending ??= reason;
      this.poke();
    };
    socket.onclose = ({ code, reason }) => end(reason || `${code}`);
    this.heardMs = Date.now();
    socket.onmessage = ({ data }) => {
      this.heardMs = Date.now();
      resumed = this.take(JSON.parse(data as string) as MeetingEvent) || resumed;
    };
    // A network that is gone does not close a socket by itself, and a close would wait for an answer.
    const watch = setInterval(() => this.isSilent(resumed) && end("no answer"), 500);
    while (ending === null && !this.over && !this.stopped && !this.isRefused()) {
      this.changed = false;
      if (resumed && (await this.writeNext(socket))) continue;
      await this.pause(60_000);
    }
    clearInterval(watch);
    socket.onmessage = null;
    socket.close();
    return { resumed, reason: ending ?? "" };
  }

  private isRefused(): boolean {
    return this.refusal !== null && !this.refusal.retryable;
  }

  /** Whether an answer is due for so long that the connection must be dead. */
  private isSilent(resumed: boolean): boolean {
    if (resumed && this.nextSample <= this.receivedSample) this.heardMs = Date.now();
    return Date.now() - this.heardMs > (resumed ? ACKNOWLEDGED_MS : CONNECTED_MS);
  }

  /** Send the next frame or control message. False if there is nothing to send at the moment. */
  private async writeNext(socket: WebSocket): Promise<boolean> {
    const holdMs = this.holdUntilMs - Date.now();
    if (holdMs > 0) {
      await this.sleep(holdMs);
      return true;
    }
    if (this.nextSample - this.receivedSample > AHEAD_SAMPLES) return false;
    const sample = this.nextSample;
    const next = await this.options.outbox.at(sample);
    if (socket.readyState !== WebSocket.OPEN || sample !== this.nextSample) return socket.readyState === WebSocket.OPEN;
    switch (next.kind) {
      case "gap":
        this.nextSample = next.firstSample;
        socket.send(JSON.stringify({ type: "skip", to_sample: next.firstSample }));
        return true;
      case "piece":
        this.nextSample = next.piece.firstSample + next.piece.pcm.length;
        socket.send(encodeFrame(next.piece.firstSample, next.piece.pcm));
        return true;
      case "end":
        if (!this.mayFinish()) return false;
        this.finishSent = true;
        socket.send('{"type":"finish"}');
        return true;
    }
  }

  private mayFinish(): boolean {
    return this.finishWanted && !this.finishSent && this.receivedSample >= this.options.outbox.endSample;
  }

  /** Handle an event. True if the server has said where the audio continues. */
  private take(event: MeetingEvent): boolean {
    this.lastSeq = Math.max(this.lastSeq, event.seq ?? 0);
    let resumed = false;
    if (event.type === "state") resumed = this.takeState(event.data);
    else if (event.type === "ack") this.receivedSample = Math.max(this.receivedSample, event.data.received_sample);
    else if (event.type === "error") this.takeError(event.data as Problem);
    else if (event.type === "coverage" && event.data.track === this.options.track) {
      this.takeCommitted(event.data.committed_sample);
    }
    this.options.onEvent(event);
    this.poke();
    return resumed;
  }

  private takeState(data: { state: string; resume_sample?: number; committed_sample?: number }): boolean {
    this.over = data.state === "finished" || data.state === "deleted";
    if (data.resume_sample === undefined) return false;
    this.options.outbox.startAt(data.resume_sample);
    this.receivedSample = this.nextSample = data.resume_sample;
    this.takeCommitted(Math.min(data.committed_sample ?? 0, data.resume_sample));
    this.options.onLink({ state: "connected", reason: "" });
    return true;
  }

  private takeCommitted(sample: number): void {
    this.committedSample = Math.max(this.committedSample, sample);
    this.options.outbox.drop(sample);
  }

  private takeError(problem: Problem): void {
    const problemName = problem.type.replace(PROBLEM, "");
    if (problemName === "audio-gap") {
      this.goBack(problem.expected_sample as number, GAP_PAUSE_MS);
    } else if (problemName === "backlogged") {
      this.options.onLink({ state: "waiting", reason: problem.detail });
      this.goBack(problem.received_sample as number, Math.max(problem.retry_after_ms as number, GAP_PAUSE_MS));
    } else if (problemName !== "track-closed" || this.receivedSample < this.options.outbox.endSample) {
      // Otherwise somebody else has ended the meeting after all our audio had arrived.
      this.refusal = problem;
      if (problem.retryable) this.goBack(this.receivedSample, RETRY_PAUSE_MS);
    }
  }

  private goBack(sample: number, pauseMs: number): void {
    this.nextSample = sample;
    this.receivedSample = Math.min(this.receivedSample, sample);
    this.finishSent = false; // it followed a refused frame or was itself refused
    this.holdUntilMs = Math.max(this.holdUntilMs, Date.now() + pauseMs);
  }

  /** Wait for *ms*, or until something has changed. */
  private pause(ms: number): Promise<void> {
    if (this.changed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}
