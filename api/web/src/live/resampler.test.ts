import assert from "node:assert/strict";
import test from "node:test";
import { encodeFrame } from "./frame";
import { Resampler, toPcm16 } from "./resampler";

function tone(hertz: number, rate: number, seconds: number): Float32Array {
  return Float32Array.from({ length: rate * seconds }, (_, at) => 0.5 * Math.sin((2 * Math.PI * hertz * at) / rate));
}

/** Convert in blocks of 128, as an audio worklet does. */
function converted(input: Float32Array, rate: number): Float32Array {
  const resampler = new Resampler(rate, 16_000);
  const output: number[] = [];
  for (let at = 0; at < input.length; at += 128) output.push(...resampler.convert(input.subarray(at, at + 128)));
  return Float32Array.from(output);
}

function power(samples: Float32Array): number {
  const middle = samples.subarray(2_000, samples.length - 2_000);
  return Math.sqrt(middle.reduce((sum, sample) => sum + sample * sample, 0) / middle.length);
}

for (const rate of [44_100, 48_000, 96_000, 16_000, 8_000]) {
  test(`a second of sound at ${rate} Hz becomes a second at 16 kHz with the same tone`, () => {
    const output = converted(tone(1_000, rate, 2), rate);
    assert(Math.abs(output.length - 32_000) < 100, `${output.length} samples`);
    assert(Math.abs(power(output) - 0.5 / Math.SQRT2) < 0.01, `power ${power(output)}`);
    const crossings = output.filter((sample, at) => at > 0 && sample >= 0 && (output[at - 1] as number) < 0).length;
    assert(Math.abs(crossings - 2_000) < 15, `${crossings} periods`);
  });
}

test("a tone that 16 kHz cannot hold does not come back as another one", () => {
  assert(power(converted(tone(11_000, 48_000, 2), 48_000)) < 0.01);
});

test("a frame is the position in 8 bytes, then the samples, little-endian and clipped", () => {
  const frame = encodeFrame(2 ** 33 + 1, toPcm16(Float32Array.of(0, 1, -2)));
  assert.deepEqual([...new Uint8Array(frame)], [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0xff, 0x7f, 0x01, 0x80]);
});
