/** Keeps recorded audio until the server has committed it, in memory and in the browser's database. */
import { SAMPLE_RATE } from "./frame";

/** PCM16 at a position of the track. */
export interface Piece {
  firstSample: number;
  pcm: Int16Array;
}

/** Where pieces outlive the tab. */
export interface PieceStore {
  put(pieces: Piece[]): Promise<void>;
  read(firstSample: number): Promise<Int16Array | undefined>;
  /** Delete the pieces that begin before *sample*. */
  dropBefore(sample: number): Promise<void>;
}

/** `gap`: nothing was recorded before `firstSample`, which lies ahead. */
export type Next = { kind: "piece"; piece: Piece } | { kind: "gap"; firstSample: number } | { kind: "end" };

interface Kept {
  firstSample: number;
  endSample: number;
  pcm: Int16Array | undefined;
  stored: boolean;
}

const MEMORY_SAMPLES = 600 * SAMPLE_RATE;

/** The pieces of one track, in order of time. A span that nobody recorded lies between two pieces as a gap. */
export class Outbox {
  /** Why pieces cannot be stored at the moment, such as a full disk. They then live as long as the tab. */
  storeError: string | null = null;
  endSample = 0;
  private pieces: Kept[] = [];
  private unstored: Kept[] = [];
  private storing: Promise<void> | null = null;
  private dropped = 0;

  constructor(
    private readonly store: PieceStore,
    private readonly memorySamples = MEMORY_SAMPLES,
  ) {}

  /** The first position that is kept. */
  get firstSample(): number {
    return this.pieces[0]?.firstSample ?? this.endSample;
  }

  /** The length of the pieces that end after *sample*. */
  keptSamples(sample = 0): number {
    return this.pieces.reduce(
      (sum, piece) => sum + Math.max(0, piece.endSample - Math.max(piece.firstSample, sample)),
      0,
    );
  }

  /** Take pieces that an earlier page has stored, in order. */
  restore(pieces: { firstSample: number; samples: number }[], endSample: number): void {
    this.pieces = pieces.map(({ firstSample, samples }) => ({
      firstSample,
      endSample: firstSample + samples,
      pcm: undefined,
      stored: true,
    }));
    this.endSample = Math.max(endSample, this.pieces.at(-1)?.endSample ?? 0);
  }

  /** Let the empty outbox begin at *sample*, because the server already has audio of the track. */
  startAt(sample: number): void {
    if (this.pieces.length === 0) this.endSample = Math.max(this.endSample, sample);
  }

  /** Add a piece at the end. If it begins later than the last one has ended, a gap lies before it. */
  add(piece: Piece): void {
    const firstSample = Math.max(piece.firstSample, this.endSample);
    const kept = { firstSample, endSample: firstSample + piece.pcm.length, pcm: piece.pcm, stored: false };
    this.pieces.push(kept);
    this.unstored.push(kept);
    this.endSample = kept.endSample;
    this.storing ??= this.storeAll();
  }

  /** What comes at *sample*. */
  async at(sample: number): Promise<Next> {
    const kept = this.pieces[this.indexAt(sample)];
    if (kept === undefined) return { kind: "end" };
    if (kept.firstSample > sample) return { kind: "gap", firstSample: kept.firstSample };
    const pcm = kept.pcm ?? (await this.store.read(kept.firstSample));
    if (pcm === undefined) return { kind: "gap", firstSample: kept.endSample };
    return { kind: "piece", piece: { firstSample: sample, pcm: pcm.subarray(sample - kept.firstSample) } };
  }

  /** Drop the pieces that end at or before *committedSample*. */
  drop(committedSample: number): void {
    const first = this.indexAt(committedSample);
    if (first === 0) return;
    this.pieces.splice(0, first);
    this.unstored = this.unstored.filter((piece) => piece.endSample > committedSample);
    this.dropped = this.firstSample;
    this.storing ??= this.storeAll();
  }

  /** Resolves when everything so far is stored, or could not be. */
  async settled(): Promise<void> {
    while (this.storing) await this.storing;
  }

  /** The index of the first piece that ends after *sample*. */
  private indexAt(sample: number): number {
    let [low, high] = [0, this.pieces.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.pieces[middle] as Kept).endSample <= sample) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private async storeAll(): Promise<void> {
    await Promise.resolve();
    try {
      while (this.unstored.length > 0 || this.dropped > 0) {
        const [pieces, dropped] = [this.unstored, this.dropped];
        this.unstored = [];
        this.dropped = 0;
        if (dropped > 0) await this.store.dropBefore(dropped);
        if (pieces.length === 0) continue;
        try {
          await this.store.put(pieces.map(({ firstSample, pcm }) => ({ firstSample, pcm: pcm as Int16Array })));
        } catch (error) {
          this.unstored = [...pieces.filter((piece) => piece.endSample > this.firstSample), ...this.unstored];
          throw error;
        }
        for (const piece of pieces) piece.stored = true;
        this.storeError = null;
      }
      this.forgetOld();
    } catch (error) {
      this.storeError = String(error); // the next piece tries again
    }
    this.storing = null;
  }

  /** Leave only the newest pieces in memory; the others are read from the store when they are sent. */
  private forgetOld(): void {
    for (const piece of this.pieces) {
      if (piece.endSample > this.endSample - this.memorySamples) return;
      if (piece.stored) piece.pcm = undefined;
    }
  }
}
