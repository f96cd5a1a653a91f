import assert from "node:assert/strict";
import { test } from "node:test";
import { piecesOf } from "./found";

const shown = (text: string, words: string[]) =>
  piecesOf(text, words)
    .map(({ text, isFound }) => (isFound ? `[${text}]` : text))
    .join("");

test("every whole word is found, and the rest stays as it is", () => {
  assert.equal(shown("We move the launch. The launch!", ["launch"]), "We move the [launch]. The [launch]!");
  assert.equal(shown("launched relaunch", ["launch"]), "launched relaunch");
  assert.equal(shown("Über Übermut", ["Über"]), "[Über] Übermut");
});

test("a phrase wins over its words", () => {
  assert.equal(shown("three points and three", ["three", "three points"]), "[three points] and [three]");
});

test("nothing is found without words, or in an empty text", () => {
  assert.deepEqual(piecesOf("a b", []), [{ text: "a b", isFound: false }]);
  assert.deepEqual(piecesOf("", ["a"]), []);
});
