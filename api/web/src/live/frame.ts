/** The binary frames of the live socket: the position of the first sample, then PCM16. */

export const SAMPLE_RATE = 16_000;
const POSITION_BYTES = 8;

/** Little-endian: 8 bytes for the position of the first sample, then the samples. */
export function encodeFrame(firstSample: number, pcm: Int16Array): ArrayBuffer {
  const frame = new ArrayBuffer(POSITION_BYTES + 2 * pcm.length);
  const view = new DataView(frame);
  view.setBigUint64(0, BigInt(firstSample), true);
  pcm.forEach((sample, at) => {
    view.setInt16(POSITION_BYTES + 2 * at, sample, true);
  });
  return frame;
}
