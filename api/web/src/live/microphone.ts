/** Sound from a microphone, or from a tab or screen that is shared, in pieces of 100 ms at 16 kHz. */
import { address } from "../server/http";
import type { RecordedPiece } from "./recorder.worklet";
import type { SourceKind } from "./store";

/** Why there is no sound: the browser's name of the error, such as `NotAllowedError`. */
export class NoSound extends Error {
  constructor(readonly why: string) {
    super(why);
  }
}

/** Why this browser cannot record at all, or null. */
export function obstacle(): "insecure" | "old" | null {
  if (!window.isSecureContext) return "insecure";
  const able = "mediaDevices" in navigator && "AudioWorkletNode" in window && "locks" in navigator;
  return able ? null : "old";
}

/** The microphones. Their names are empty until the person has allowed one. */
export async function microphones(): Promise<MediaDeviceInfo[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === "audioinput" && device.deviceId !== "");
}

export interface SoundSource {
  label: string;
  stop(): void;
}

/** Open a source. *onLost* is called once if it is unplugged or the person stops sharing. Throws NoSound. */
export async function openSource(
  kind: SourceKind,
  deviceId: string | undefined,
  onPiece: (piece: RecordedPiece) => void,
  onLost: () => void,
): Promise<SoundSource> {
  const stream = await streamOf(kind, deviceId);
  const track = stream.getAudioTracks()[0] as MediaStreamTrack;
  const context = new AudioContext();
  let stopped = false;
  const stop = () => {
    stopped = true;
    for (const each of stream.getTracks()) each.stop();
    void context.close().catch(() => {});
  };
  try {
    await context.audioWorklet.addModule(address("page/recorder.js"));
    const node = new AudioWorkletNode(context, "recorder", { numberOfInputs: 1, numberOfOutputs: 0 });
    node.port.onmessage = ({ data }: MessageEvent<RecordedPiece>) => {
      if (!stopped) onPiece(data);
    };
    context.createMediaStreamSource(new MediaStream([track])).connect(node);
    await context.resume();
  } catch (error) {
    stop();
    throw new NoSound(nameOf(error));
  }
  track.onended = () => {
    if (stopped) return;
    stop();
    onLost();
  };
  return { label: track.label, stop };
}

async function streamOf(kind: SourceKind, deviceId: string | undefined): Promise<MediaStream> {
  try {
    if (kind === "microphone") return await microphoneStream(deviceId);
    const shared = await navigator.mediaDevices.getDisplayMedia({
      video: { width: 2, height: 2, frameRate: 1 }, // without a picture browsers share no sound
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
    if (shared.getAudioTracks().length > 0) return shared;
    for (const track of shared.getTracks()) track.stop();
  } catch (error) {
    throw new NoSound(nameOf(error));
  }
  throw new NoSound("NoSharedSound");
}

/** The wanted microphone; if it is gone, any other. */
async function microphoneStream(deviceId: string | undefined): Promise<MediaStream> {
  const processing = { echoCancellation: true, noiseSuppression: false, autoGainControl: true };
  if (deviceId) {
    try {
      return await navigator.mediaDevices.getUserMedia({ audio: { ...processing, deviceId: { exact: deviceId } } });
    } catch (error) {
      if (nameOf(error) === "NotAllowedError") throw error;
    }
  }
  return navigator.mediaDevices.getUserMedia({ audio: processing });
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}
