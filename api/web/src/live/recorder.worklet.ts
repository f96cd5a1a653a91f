/** Runs on the audio thread: makes pieces of 100 ms at 16 kHz from what the microphone gives. */
import { SAMPLE_RATE } from "./frame";
import { Resampler, toPcm16 } from "./resampler";

declare const sampleRate: number;
declare function registerProcessor(name: string, processor: unknown): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

/** `atMs` is the clock at the end of the piece, and `peak` its loudest sample, from 0 to 1. */
export interface RecordedPiece {
  pcm: Int16Array;
  atMs: number;
  peak: number;
}

const PIECE_SAMPLES = SAMPLE_RATE / 10;

class Recorder extends AudioWorkletProcessor {
  private readonly resampler = new Resampler(sampleRate, SAMPLE_RATE);
  private readonly piece = new Float32Array(PIECE_SAMPLES);
  private filled = 0;

  process(inputs: Float32Array[][]): boolean {
    const channels = inputs[0] ?? [];
    const first = channels[0];
    if (first !== undefined) this.take(this.resampler.convert(mixed(first, channels)));
    return true;
  }

  private take(samples: Float32Array): void {
    for (let at = 0; at < samples.length; ) {
      const part = samples.subarray(at, at + PIECE_SAMPLES - this.filled);
      this.piece.set(part, this.filled);
      this.filled += part.length;
      at += part.length;
      if (this.filled === PIECE_SAMPLES) this.send();
    }
  }

  private send(): void {
    this.filled = 0;
    const peak = this.piece.reduce((loudest, sample) => Math.max(loudest, Math.abs(sample)), 0);
    const recorded: RecordedPiece = { pcm: toPcm16(this.piece), atMs: Date.now(), peak };
    this.port.postMessage(recorded, [recorded.pcm.buffer]);
  }
}

function mixed(first: Float32Array, channels: Float32Array[]): Float32Array {
  if (channels.length === 1) return first;
  return first.map((_, at) => channels.reduce((sum, channel) => sum + (channel[at] ?? 0), 0) / channels.length);
}

registerProcessor("recorder", Recorder);
