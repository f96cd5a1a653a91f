import assert from "node:assert/strict";
import test from "node:test";
import { MemoryStore, pieces, tick } from "./memory_store.test_help";
import { Outbox } from "./outbox";
import { type Link, LiveTrack } from "./track";

globalThis.WebSocket ??= { OPEN: 1 } as unknown as typeof WebSocket;

/** The API's side of the live socket: a mailbox that refuses gaps, with the faults that a test asks for. */
class FakeServer {
  received: number[] = [];
  committedSample = 0;
  skips: number[] = [];
  finished = false;
  connections = 0;
  /** Called before each frame is stored. False means that the connection is cut instead. */
  onFrame: (server: FakeServer) => boolean = () => true;
  private socket: FakeSocket | null = null;

  connect = (): WebSocket => {
    this.connections += 1;
    this.socket = new FakeSocket(this);
    this.say("state", { state: "live", resume_sample: this.received.length, committed_sample: this.committedSample });
    return this.socket as unknown as WebSocket;
  };

  take(message: string | ArrayBuffer): void {
    if (typeof message === "string") {
      this.control(JSON.parse(message));
      return;
    }
    if (!this.onFrame(this)) {
      this.socket?.cut();
      return;
    }
    const view = new DataView(message);
    const first = Number(view.getBigUint64(0, true));
    if (first > this.received.length) {
      this.refuse("audio-gap", { expected_sample: this.received.length });
      return;
    }
    for (let at = 0; at < (message.byteLength - 8) / 2; at++)
      this.received[first + at] = view.getInt16(8 + 2 * at, true);
    this.acknowledge();
  }

  refuse(name: string, facts: object): void {
    this.say("error", { type: `urn:minutebook:problem:${name}`, detail: name, retryable: true, ...facts });
  }

  commit(sample: number): void {
    this.committedSample = sample;
    this.say("coverage", { track: "main", committed_sample: sample });
  }

  private control(message: { type: string; to_sample?: number }): void {
    if (message.type === "finish") {
      this.finished = true;
      this.say("state", { state: "finished" });
      return;
    }
    this.skips.push(message.to_sample as number);
    while (this.received.length < (message.to_sample as number)) this.received.push(0);
    this.acknowledge();
  }

  private acknowledge(): void {
    this.say("ack", { track: "main", received_sample: this.received.length });
  }

  private say(type: string, data: object): void {
    const socket = this.socket;
    setTimeout(() => socket?.onmessage?.({ data: JSON.stringify({ type, seq: null, data }) }), 0);
  }
}

class FakeSocket {
  readyState = 1;
  binaryType = "";
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((end: { code: number; reason: string }) => void) | null = null;

  constructor(private readonly server: FakeServer) {}

  send(message: string | ArrayBuffer): void {
    if (this.readyState === 1) this.server.take(message);
  }

  cut(): void {
    this.readyState = 3;
    setTimeout(() => this.onclose?.({ code: 1006, reason: "" }), 0);
  }

  close(): void {
    this.readyState = 3;
  }
}

function setUp(server: FakeServer) {
  const outbox = new Outbox(new MemoryStore());
  const links: Link[] = [];
  const live = new LiveTrack({
    address: () => "",
    track: "main",
    outbox,
    onEvent: () => {},
    onLink: (link) => links.push(link),
    connect: server.connect,
  });
  return { outbox, live, links };
}

const WHOLE = Array.from({ length: 3_000 }, (_, sample) => sample);

test("every sample arrives although the connection is cut again and again", async () => {
  const server = new FakeServer();
  let frames = 0;
  server.onFrame = () => ++frames % 11 !== 0;
  const { outbox, live, links } = setUp(server);
  for (const piece of pieces(30)) outbox.add(piece);
  live.finish();
  await live.run();
  assert.deepEqual(server.received, WHOLE);
  assert(server.connections >= 3);
  assert(links.some(({ state }) => state === "connecting") && links.at(-1)?.state === "over");
});

test("audio that the server has lost is sent again, also if it had acknowledged it", async () => {
  const server = new FakeServer();
  let frames = 0;
  server.onFrame = () => {
    if (++frames === 20) server.received.length = 300;
    return true;
  };
  const { outbox, live } = setUp(server);
  for (const piece of pieces(30)) outbox.add(piece);
  live.finish();
  await live.run();
  assert.deepEqual(server.received, WHOLE);
});

test("a gap in the recording is skipped, and the rest keeps its place", async () => {
  const server = new FakeServer();
  const { outbox, live } = setUp(server);
  for (const piece of [...pieces(10), ...pieces(10, 2_000)]) outbox.add(piece);
  live.finish();
  await live.run();
  assert.deepEqual(server.skips, [2_000]);
  assert.deepEqual(
    server.received,
    WHOLE.map((sample) => (sample >= 1_000 && sample < 2_000 ? 0 : sample)),
  );
});

test("a full mailbox makes it wait, and only what is committed leaves the outbox", async () => {
  const server = new FakeServer();
  let refused = false;
  const { outbox, live, links } = setUp(server);
  server.onFrame = () => {
    if (server.received.length < 1_000 || refused) return true;
    refused = true;
    server.refuse("backlogged", { received_sample: 1_000, retry_after_ms: 50 });
    server.commit(500);
    return true;
  };
  for (const piece of pieces(30)) outbox.add(piece);
  const running = live.run();
  while (outbox.firstSample < 500) await tick();
  assert(links.some(({ state }) => state === "waiting"));
  assert.equal(outbox.firstSample, 500);
  live.finish();
  await running;
  assert(server.finished);
  assert.deepEqual(server.received, WHOLE);
});

test("the end of the meeting is asked for only after the last sample has arrived", async () => {
  const server = new FakeServer();
  const { outbox, live } = setUp(server);
  for (const piece of pieces(5)) outbox.add(piece);
  server.onFrame = () => {
    assert(!server.finished);
    return true;
  };
  const running = live.run();
  live.finish();
  await running;
  assert.equal(server.received.length, 500);
});
