/** How loud it is. */
import type { Signal } from "@preact/signals";

const FLOOR_DB = -60;

export function Meter({ level, label }: { level: Signal<number>; label: string }) {
  const db = 20 * Math.log10(Math.max(level.value, 1e-4));
  const percent = Math.round(Math.max(0, 100 * (1 - db / FLOOR_DB)));
  return <meter class="level" min={0} max={100} high={95} value={percent} aria-label={label} />;
}
