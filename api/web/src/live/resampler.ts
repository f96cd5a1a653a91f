/** Converts the microphone's sample rate to 16 kHz, by a low-pass filter that is evaluated where samples are needed. */

const TAPS_A_SIDE = 16;
/** Places between two samples. It divides the steps from 44.1, 48 and 96 kHz to 16 kHz evenly. */
const PHASES = 160;

/** Keeps the end of each block for the next one, so that blocks join without a click. */
export class Resampler {
  private readonly step: number;
  private readonly reach: number;
  private readonly cutoff: number;
  private readonly taps = new Map<number, Float32Array>();
  private kept: Float32Array;
  private position: number;

  /** *from* and *to* are sample rates in Hz. */
  constructor(from: number, to: number) {
    this.step = from / to;
    this.cutoff = Math.min(1, 0.92 / this.step);
    this.reach = Math.ceil(TAPS_A_SIDE * Math.max(1, this.step));
    this.kept = new Float32Array(this.reach);
    this.position = this.reach;
  }

  /** The samples at the new rate that *block* completes. */
  convert(block: Float32Array): Float32Array {
    if (this.step === 1) return block.slice();
    const input = new Float32Array(this.kept.length + block.length);
    input.set(this.kept);
    input.set(block, this.kept.length);
    const end = input.length - this.reach - 1;
    const count = Math.max(0, Math.ceil((end - this.position) / this.step));
    const output = new Float32Array(count);
    for (let at = 0; at < count; at++) output[at] = this.sampleAt(input, this.position + at * this.step);
    this.position += count * this.step;
    const drop = Math.floor(this.position) - this.reach;
    this.kept = input.slice(drop);
    this.position -= drop;
    return output;
  }

  private sampleAt(input: Float32Array, place: number): number {
    const whole = Math.floor(place);
    const taps = this.tapsFor(Math.round((place - whole) * PHASES));
    let sum = 0;
    for (let tap = 0; tap < taps.length; tap++)
      sum += (taps[tap] as number) * (input[whole - this.reach + 1 + tap] ?? 0);
    return sum;
  }

  /** The filter for a place that lies *phase* / PHASES behind a sample. */
  private tapsFor(phase: number): Float32Array {
    const known = this.taps.get(phase);
    if (known) return known;
    const taps = Float32Array.from({ length: 2 * this.reach }, (_, tap) => {
      const distance = tap - this.reach + 1 - phase / PHASES;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * distance) / (this.reach + 1));
      return this.cutoff * sinc(this.cutoff * distance) * window;
    });
    this.taps.set(phase, taps);
    return taps;
  }
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Samples from -1 to 1 as signed 16-bit numbers. */
export function toPcm16(samples: Float32Array): Int16Array {
  return Int16Array.from(samples, (sample) => Math.round(Math.max(-1, Math.min(1, sample)) * 32_767));
}
