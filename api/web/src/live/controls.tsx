/** While a meeting is recorded: what happens to its sound, and the buttons. */
import { useEffect } from "preact/hooks";
import { confirmed } from "../parts/confirm";
import { tenths } from "../parts/format";
import { texts } from "../texts";
import { Meter } from "./meter";
import type { Recording } from "./recording";
import type { Link } from "./track";

export function Controls({ recording }: { recording: Recording }) {
  const t = texts.value;
  const sound = recording.sound.value;
  const end = async () => {
    if (await confirmed(t.live.endSure)) recording.end();
  };
  const shortcuts = (event: KeyboardEvent) => {
    if (event.altKey && event.key === "m") recording.muted.value = !recording.muted.value;
  };
  useEffect(() => {
    window.addEventListener("keydown", shortcuts);
    return () => window.removeEventListener("keydown", shortcuts);
  }, []);
  return (
    <section class="controls" aria-label={t.live.controls}>
      {!recording.ended.value && (
        <div class="row">
          {sound === "on" ? (
            <>
              <button type="button" onClick={() => recording.pause()}>
                {t.live.pause}
              </button>
              <button
                type="button"
                aria-pressed={recording.muted.value}
                aria-keyshortcuts="Alt+M"
                onClick={() => (recording.muted.value = !recording.muted.value)}
              >
                {recording.muted.value ? t.live.unmute : t.live.mute}
              </button>
            </>
          ) : (
            <button
              type="button"
              class="primary"
              onClick={() => void (sound === "paused" ? recording.resume() : recording.capture())}
            >
              {t.live.resume}
            </button>
          )}
          <button type="button" class="danger" onClick={() => void end()}>
            {t.live.end}
          </button>
          <Meter level={recording.level} label={t.start.level} />
        </div>
      )}
      <SoundLine recording={recording} />
      <StatusLine recording={recording} />
    </section>
  );
}

function SoundLine({ recording }: { recording: Recording }) {
  const t = texts.value;
  const { sound, soundDetail, ended } = recording;
  if (ended.value) return null;
  const detail = soundDetail.value;
  const words = {
    on: t.sound.from(detail),
    off: t.sound.off,
    paused: t.sound.paused,
    lost: detail === "NoSharedSound" ? t.sound.noneShared : t.sound.lost,
    refused: t.sound.refused,
  }[sound.value];
  const isBad = sound.value === "lost" || sound.value === "refused";
  return (
    <p class={isBad ? "alarm" : "hint"} role={isBad ? "alert" : undefined}>
      {words}
    </p>
  );
}

function StatusLine({ recording }: { recording: Recording }) {
  const t = texts.value;
  const { link, unsentS, behindS, storeError } = recording.status.value;
  return (
    <p class={`status ${link.state}`} data-link={link.state} data-unsent={unsentS.toFixed(1)}>
      <span class="dot" aria-hidden="true" />
      <span role="status">{wordsForLink(link)}</span>
      <span>{t.live.behind(tenths(behindS, t.locale))}</span>
      <span>{t.live.kept(tenths(unsentS, t.locale))}</span>
      {storeError && <strong role="alert">{t.live.storeFull}</strong>}
    </p>
  );
}

function wordsForLink(link: Link): string {
  const t = texts.value;
  switch (link.state) {
    case "connected":
      return t.live.connected;
    case "waiting":
      return t.live.waiting;
    case "refused":
      return `${t.live.refusedLink}: ${link.reason}`;
    case "over":
      return t.state.finished ?? "";
    case "connecting":
      return t.live.connecting;
  }
}
