/** A store of pieces in memory, as slow and as forgetful as a test wants. */
import type { Piece, PieceStore } from "./outbox";

export class MemoryStore implements PieceStore {
  readonly pieces = new Map<number, Int16Array>();
  full = false;

  async put(pieces: Piece[]): Promise<void> {
    await tick();
    if (this.full) throw new Error("QuotaExceededError");
    for (const { firstSample, pcm } of pieces) this.pieces.set(firstSample, pcm.slice());
  }

  async read(firstSample: number): Promise<Int16Array | undefined> {
    await tick();
    return this.pieces.get(firstSample);
  }

  async dropBefore(sample: number): Promise<void> {
    await tick();
    for (const firstSample of [...this.pieces.keys()]) if (firstSample < sample) this.pieces.delete(firstSample);
  }
}

export function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** *count* pieces of 100 samples, whose samples are their own positions. */
export function pieces(count: number, from = 0): Piece[] {
  return Array.from({ length: count }, (_, at) => {
    const firstSample = from + 100 * at;
    return { firstSample, pcm: Int16Array.from({ length: 100 }, (_, sample) => firstSample + sample) };
  });
}
