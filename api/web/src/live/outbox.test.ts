import assert from "node:assert/strict";
import test from "node:test";
import { MemoryStore, pieces } from "./memory_store.test_help";
import { Outbox } from "./outbox";

test("what is added can be read from any position, and a gap is told", async () => {
  const outbox = new Outbox(new MemoryStore());
  for (const piece of [...pieces(2), ...pieces(1, 500)]) outbox.add(piece);
  const next = await outbox.at(150);
  assert(next.kind === "piece");
  assert.deepEqual([next.piece.firstSample, next.piece.pcm.length, next.piece.pcm[0]], [150, 50, 150]);
  assert.deepEqual(await outbox.at(200), { kind: "gap", firstSample: 500 });
  assert.deepEqual(await outbox.at(600), { kind: "end" });
  assert.equal(outbox.keptSamples(), 300);
  assert.equal(outbox.keptSamples(150), 150);
});

test("what is committed is dropped from memory and from the store; a part of a piece is not", async () => {
  const store = new MemoryStore();
  const outbox = new Outbox(store);
  for (const piece of pieces(5)) outbox.add(piece);
  await outbox.settled();
  outbox.drop(250);
  await outbox.settled();
  assert.deepEqual([...store.pieces.keys()], [200, 300, 400]);
  assert.equal(outbox.firstSample, 200);
});

test("a new outbox continues with what an earlier one has stored", async () => {
  const store = new MemoryStore();
  const earlier = new Outbox(store);
  for (const piece of pieces(3)) earlier.add(piece);
  await earlier.settled();
  const outbox = new Outbox(store);
  outbox.restore(
    [...store.pieces].map(([firstSample, pcm]) => ({ firstSample, samples: pcm.length })),
    0,
  );
  for (const piece of pieces(1, 300)) outbox.add(piece);
  const next = await outbox.at(120);
  assert(next.kind === "piece");
  assert.equal(next.piece.pcm[0], 120);
  assert.equal(outbox.endSample, 400);
});

test("old audio leaves the memory and is read from the store", async () => {
  const store = new MemoryStore();
  const outbox = new Outbox(store, 200);
  for (const piece of pieces(6)) outbox.add(piece);
  await outbox.settled();
  store.pieces.set(
    0,
    Int16Array.from({ length: 100 }, () => -7),
  );
  const next = await outbox.at(0);
  assert(next.kind === "piece");
  assert.equal(next.piece.pcm[0], -7);
});

test("a full store is told, nothing is lost, and it is tried again", async () => {
  const store = new MemoryStore();
  const outbox = new Outbox(store);
  store.full = true;
  for (const piece of pieces(2)) outbox.add(piece);
  await outbox.settled();
  assert.match(outbox.storeError ?? "", /Quota/);
  assert.equal((await outbox.at(100)).kind, "piece");
  store.full = false;
  for (const piece of pieces(1, 200)) outbox.add(piece);
  await outbox.settled();
  assert.equal(outbox.storeError, null);
  assert.deepEqual([...store.pieces.keys()], [0, 100, 200]);
});
