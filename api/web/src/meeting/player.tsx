/** The player of a meeting: a time line with chapters and coverage, speed, and keys. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { SAMPLE_RATE } from "../live/frame";
import { clock } from "../parts/format";
import { remember, remembered } from "../parts/memory";
import { get } from "../server/http";
import type { CoverageOut, TrackCoverage } from "../server/types";
import { texts } from "../texts";
import type { Playback } from "./playback";
import type { MeetingStore } from "./store";
import { bandsOf, quietStretches } from "./timeline";

const RATES = [0.75, 1, 1.25, 1.5, 1.75, 2, 2.5];
const STEP_S = 5;
const QUIET_LEAST_S = 1;

interface PlayerOptions {
  store: MeetingStore;
  playback: Playback;
  endS: number;
  /** What became of the audio, if that is known already. */
  tracks?: TrackCoverage[];
}

export function Player({ store, playback, endS, tracks }: PlayerOptions) {
  const t = texts.value.player;
  const rate = useSignal(Number(remembered("rate") ?? 1));
  useKeys(playback);
  useEffect(() => {
    playback.skipsSilence.value = remembered("skips-silence") === "yes";
    setRate(rate.value);
  }, [playback]);
  const setRate = (wanted: number) => {
    rate.value = wanted;
    playback.setRate(wanted);
    remember("rate", String(wanted));
  };
  const skip = (wanted: boolean) => {
    playback.skipsSilence.value = wanted;
    remember("skips-silence", wanted ? "yes" : "no");
  };
  return (
    <section class="player" aria-label={t.label}>
      <div class="row">
        <button type="button" class="primary" onClick={() => playback.toggle()}>
          <span aria-hidden="true">{playback.playing.value ? "⏸ " : "▶ "}</span>
          {playback.playing.value ? t.pause : t.play}
        </button>
        <Clock playback={playback} endS={endS} />
        <select
          class="auto"
          aria-label={t.rate}
          value={rate.value}
          onChange={(event) => setRate(Number(event.currentTarget.value))}
        >
          {RATES.map((each) => (
            <option key={each} value={each}>
              {each.toLocaleString(texts.value.locale)} ×
            </option>
          ))}
        </select>
        <label class="inline">
          <input
            type="checkbox"
            checked={playback.skipsSilence.value}
            onChange={(event) => skip(event.currentTarget.checked)}
          />
          {t.skip}
        </label>
        <small class="keys">{t.keys}</small>
      </div>
      <TimeLine store={store} playback={playback} endS={endS} tracks={tracks} />
      {playback.failed.value && <p role="alert">{t.failed}</p>}
    </section>
  );
}

function Clock({ playback, endS }: { playback: Playback; endS: number }) {
  return (
    <span class="time">
      {clock(playback.nowS.value)} / {clock(endS)}
    </span>
  );
}

function TimeLine({ store, playback, endS, tracks: known }: PlayerOptions) {
  const t = texts.value.player;
  const tracks = useSignal<TrackCoverage[]>([]);
  useEffect(() => {
    const load = async () => {
      tracks.value = known ?? (await get<CoverageOut>(`${store.root}/coverage`).catch(() => null))?.tracks ?? [];
      playback.quiet = quietStretches(tracks.value, QUIET_LEAST_S);
    };
    void load();
  }, [playback]);
  const percent = (s: number) => `${(100 * Math.min(s, endS)) / endS}%`;
  const chapters = store.minutes.value?.minutes.chapters ?? [];
  return (
    <div class="time-line">
      <div class="bands" aria-hidden="true">
        {bandsOf(tracks.value, endS).map(({ kind, startS, endS: bandEndS }) => (
          <span key={startS} class={kind} style={{ left: percent(startS), width: percent(bandEndS - startS) }} />
        ))}
        {chapters.map(({ first_sample, title }) => (
          <i key={first_sample} title={title} style={{ left: percent(first_sample / SAMPLE_RATE) }} />
        ))}
      </div>
      <input
        type="range"
        aria-label={t.position}
        aria-valuetext={clock(playback.nowS.value)}
        min={0}
        max={endS}
        step={0.1}
        value={playback.nowS.value}
        onInput={(event) => playback.seek(Number(event.currentTarget.value))}
      />
    </div>
  );
}

/** Space plays and pauses, arrows go back and on, except where a key already means something. */
function useKeys(playback: Playback): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const place = event.target as HTMLElement;
      if (event.altKey || event.ctrlKey || event.metaKey || place.closest("input, textarea, select, dialog")) return;
      if (event.key === " " && !place.closest("button, summary, a")) playback.toggle();
      else if (event.key === "ArrowLeft") playback.seek(playback.nowS.value - STEP_S);
      else if (event.key === "ArrowRight") playback.seek(playback.nowS.value + STEP_S);
      else return;
      event.preventDefault();
    };
    const stopFollowing = () => (playback.follows.value = false);
    window.addEventListener("keydown", onKey);
    window.addEventListener("wheel", stopFollowing, { passive: true });
    window.addEventListener("touchmove", stopFollowing, { passive: true });
    return () => {
      window.removeEventListener("keydown", onKey);
      window.removeEventListener("wheel", stopFollowing);
      window.removeEventListener("touchmove", stopFollowing);
    };
  }, [playback]);
}
