/** What happened to every second of the audio. */

import { clock } from "../parts/format";
import type { Coverage } from "../server/types";
import { texts } from "../texts";

const KINDS = ["transcribed", "silent", "missing", "failed", "shed", "pending"] as const;

export function CoverageBar({ coverage }: { coverage: Coverage }) {
  const t = texts.value.coverage;
  const total = coverage.received_s || 1;
  const parts = KINDS.map((kind) => ({ kind, seconds: coverage[`${kind}_s`] ?? 0 })).filter(
    ({ seconds }) => seconds > 0,
  );
  if (parts.length === 0) return null;
  return (
    <div class="coverage">
      <div class="track" aria-hidden="true">
        {parts.map(({ kind, seconds }) => (
          <span key={kind} class={kind} style={{ flexGrow: seconds / total }} />
        ))}
      </div>
      <ul aria-label={t.label}>
        {parts.map(({ kind, seconds }) => (
          <li key={kind}>
            <span class={`swatch ${kind}`} aria-hidden="true" />
            {clock(seconds)} {t[kind]}
          </li>
        ))}
      </ul>
    </div>
  );
}
