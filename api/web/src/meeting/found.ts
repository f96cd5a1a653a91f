/** The words of a text that a search has found. */

export interface Piece {
  text: string;
  isFound: boolean;
}

const WORD = /[\p{L}\p{N}]/u;

/** *text* in pieces: those that are one of the *words*, and what is between. Parts of other words do not count. */
export function piecesOf(text: string, words: readonly string[]): Piece[] {
  const longestFirst = [...words].filter(Boolean).sort((a, b) => b.length - a.length);
  const pieces: Piece[] = [];
  let at = 0;
  let from = 0;
  while (at < text.length) {
    const found = longestFirst.find((word) => text.startsWith(word, at) && isWhole(text, at, at + word.length));
    if (found === undefined) {
      at += 1;
      continue;
    }
    if (at > from) pieces.push({ text: text.slice(from, at), isFound: false });
    pieces.push({ text: found, isFound: true });
    at += found.length;
    from = at;
  }
  if (from < text.length) pieces.push({ text: text.slice(from), isFound: false });
  return pieces;
}

function isWhole(text: string, first: number, end: number): boolean {
  const isInside = (before: string | undefined, after: string | undefined) =>
    before !== undefined && after !== undefined && WORD.test(before) && WORD.test(after);
  return !isInside(text[first - 1], text[first]) && !isInside(text[end - 1], text[end]);
}
