import assert from "node:assert/strict";
import { test } from "node:test";
import type { Segment, TrackCoverage } from "../server/types";
import { bandsOf, momentOf, quietStretches, spokenAt } from "./timeline";

const RATE = 16_000;

function track(...spans: [number, string][]): TrackCoverage {
  let first = 0;
  const rows = spans.map(([seconds, kind]) => {
    const span = { first_sample: first, end_sample: first + seconds * RATE, kind, reason: null };
    first = span.end_sample;
    return span;
  });
  return { track: "main", totals: {}, spans: rows, speakers: null } as unknown as TrackCoverage;
}

function segment(id: number, startS: number, ...words: string[]): Segment {
  const timed = words.map((text, at) => ({ text, start_s: startS + at, end_s: startS + at + 0.8, probability: 1 }));
  const text = words.join("").trim();
  return { id, start_s: startS, end_s: startS + words.length, text, words: timed } as unknown as Segment;
}

test("bands follow the ledger, and what failed is seen even if another track was fine", () => {
  const bands = bandsOf([track([5, "transcribed"], [5, "silent"]), track([8, "transcribed"], [2, "failed"])], 10, 10);
  assert.deepEqual(
    bands.map(({ kind, startS, endS }) => [kind, startS, endS]),
    [
      ["transcribed", 0, 8],
      ["failed", 8, 10],
    ],
  );
  assert.deepEqual(bandsOf([], 0), []);
});

test("it is quiet only where every track is", () => {
  const one = track([2, "transcribed"], [4, "silent"], [2, "missing"], [2, "transcribed"]);
  const other = track([3, "silent"], [1, "transcribed"], [6, "silent"]);
  assert.deepEqual(quietStretches([one, other], 1), [
    { startS: 2, endS: 3 },
    { startS: 4, endS: 8 },
  ]);
  assert.deepEqual(quietStretches([one], 5), [{ startS: 2, endS: 8 }]);
  assert.deepEqual(quietStretches([], 1), []);
});

test("the spoken word is found in thousands of segments, and between them is none", () => {
  const many = Array.from({ length: 5000 }, (_, id) => segment(id, 10 * id, " one", " two", " three"));
  assert.deepEqual(spokenAt(many, 40_001.5), { segment: 4000, word: 1 });
  assert.deepEqual(spokenAt(many, 40_002.95), { segment: 4000, word: 2 });
  assert.equal(spokenAt(many, 40_005), null);
  assert.equal(spokenAt([], 1), null);
});

test("of two people who speak at the same time, the one who began last is marked", () => {
  const both = [segment(1, 0, " a", " b", " c", " d", " e"), segment(2, 2, " x")];
  assert.deepEqual(spokenAt(both, 2.5), { segment: 2, word: 0 });
  assert.deepEqual(spokenAt(both, 3.5), { segment: 1, word: 3 });
});

test("a letter belongs to its word, whether or not the text begins with a space", () => {
  const said = segment(1, 5, " We", " move", " on");
  assert.equal(momentOf(said, 0), 5);
  assert.equal(momentOf(said, 3), 6);
  assert.equal(momentOf(said, 9), 7);
  assert.equal(momentOf(said, 99), 7);
  assert.equal(momentOf({ ...said, words: [] } as unknown as Segment, 2), 5);
});
