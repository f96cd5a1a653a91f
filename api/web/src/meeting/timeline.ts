/** What happens at which time of a meeting: spoken words, silence, and what became of the audio. */
import { SAMPLE_RATE } from "../live/frame";
import type { Segment, TrackCoverage } from "../server/types";

/** A part of the time line, in seconds. */
export interface Stretch {
  startS: number;
  endS: number;
}

export interface Band extends Stretch {
  kind: string;
}

/** If tracks differ, the first of these is shown. */
const FIRST = ["failed", "shed", "missing", "pending", "transcribed", "silent"];

/** The time line in at most *count* bands of one kind each. What several tracks say is one band. */
export function bandsOf(tracks: readonly TrackCoverage[], endS: number, count = 400): Band[] {
  const bands: Band[] = [];
  const widthS = endS / count;
  const at = tracks.map(() => 0);
  for (let bin = 0; bin < count && endS > 0; bin++) {
    const middle = (bin + 0.5) * widthS * SAMPLE_RATE;
    const kinds = tracks.map(({ spans }, track) => {
      while ((spans[at[track] ?? 0]?.end_sample ?? Number.POSITIVE_INFINITY) <= middle)
        at[track] = (at[track] ?? 0) + 1;
      return spans[at[track] ?? 0]?.kind;
    });
    const kind = FIRST.find((each) => kinds.includes(each)) ?? "silent";
    const last = bands.at(-1);
    if (last?.kind === kind) last.endS = (bin + 1) * widthS;
    else bands.push({ kind, startS: bin * widthS, endS: (bin + 1) * widthS });
  }
  return bands;
}

/** Where nothing is to be heard on any track, if it lasts for *leastS*. */
export function quietStretches(tracks: readonly TrackCoverage[], leastS: number): Stretch[] {
  const perTrack = tracks.map(({ spans }) =>
    spans
      .filter(({ kind }) => kind === "silent" || kind === "missing")
      .map((span) => ({ startS: span.first_sample / SAMPLE_RATE, endS: span.end_sample / SAMPLE_RATE })),
  );
  const [first = [], ...others] = perTrack.map(joined);
  return others.reduce(common, first).filter(({ startS, endS }) => endS - startS >= leastS);
}

function joined(stretches: Stretch[]): Stretch[] {
  const result: Stretch[] = [];
  for (const each of stretches) {
    const last = result.at(-1);
    if (last && each.startS <= last.endS) last.endS = Math.max(last.endS, each.endS);
    else result.push({ ...each });
  }
  return result;
}

function common(one: Stretch[], other: Stretch[]): Stretch[] {
  const result: Stretch[] = [];
  for (let a = 0, b = 0; a < one.length && b < other.length; ) {
    const [left, right] = [one[a] as Stretch, other[b] as Stretch];
    const startS = Math.max(left.startS, right.startS);
    const endS = Math.min(left.endS, right.endS);
    if (startS < endS) result.push({ startS, endS });
    if (left.endS < right.endS) a++;
    else b++;
  }
  return result;
}

export interface Spoken {
  segment: number;
  /** The place of the word in its segment. */
  word: number;
}

/** How many segments may overlap, on tracks that speak at the same time. */
const LOOK_BACK = 8;

/** The word that is spoken at *s*, of segments in order of time. Between two words it is the one before. */
export function spokenAt(segments: readonly Segment[], s: number): Spoken | null {
  let [low, high] = [0, segments.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((segments[middle]?.start_s ?? 0) <= s) low = middle + 1;
    else high = middle;
  }
  for (let at = low - 1; at >= Math.max(0, low - LOOK_BACK); at--) {
    const segment = segments[at] as Segment;
    if (segment.end_s <= s) continue;
    const later = segment.words.findIndex((word) => word.start_s > s);
    return { segment: segment.id, word: Math.max(0, (later < 0 ? segment.words.length : later) - 1) };
  }
  return null;
}

/** When the word begins that the letter at *offset* of the segment's text belongs to. */
export function momentOf(segment: Segment, offset: number): number {
  const text = segment.words.map((word) => word.text).join("");
  let left = offset + text.length - text.trimStart().length;
  for (const word of segment.words) {
    if (left < word.text.length) return word.start_s;
    left -= word.text.length;
  }
  return segment.words.at(-1)?.start_s ?? segment.start_s;
}
