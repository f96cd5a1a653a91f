/** Before a meeting: what is known of it, which sound is recorded, and whether anything is heard. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { COMMON_LANGUAGES, listed, nameOf } from "../parts/format";
import { go } from "../parts/router";
import { tellError } from "../parts/toast";
import { session } from "../server/session";
import { texts } from "../texts";
import { Meter } from "./meter";
import { microphones, NoSound, obstacle, openSource } from "./microphone";
import { type ChosenSource, startMeeting } from "./recordings";

/** A peak above this is more than the noise of a quiet room. */
const HEARD = 0.02;

export function StartPage() {
  const t = texts.value.start;
  const wall = obstacle();
  return (
    <section class="card narrow">
      <h1>{t.title}</h1>
      {wall ? <p role="alert">{wall === "insecure" ? t.insecure : t.old}</p> : <StartForm />}
    </section>
  );
}

type Sound = "microphone" | "screen" | "both";

function StartForm() {
  const t = texts.value.start;
  const title = useSignal("");
  const sound = useSignal<Sound>("microphone");
  const deviceId = useSignal("");
  const people = useSignal("");
  const spoken = useSignal("auto");
  const vocabulary = useSignal("");
  const agenda = useSignal("");
  const starting = useSignal(false);

  const submit = async (event: Event) => {
    event.preventDefault();
    starting.value = true;
    try {
      const about = {
        title: title.value.trim(),
        language: spoken.value,
        participants: listed(people.value, ","),
        vocabulary: listed(vocabulary.value, ","),
        agenda: listed(agenda.value, "\n"),
      };
      const recording = await startMeeting(about, sourcesOf(sound.value, deviceId.value));
      go(`/meetings/${recording.meetingId}`);
    } catch (error) {
      tellError(error);
    }
    starting.value = false;
  };
  return (
    <form onSubmit={submit}>
      <label>
        {t.name} <small>({t.optional})</small>
        <input maxLength={300} value={title.value} onInput={(event) => (title.value = event.currentTarget.value)} />
      </label>
      <fieldset>
        <legend>{t.sound}</legend>
        {(["microphone", "screen", "both"] as const).map((kind) => (
          <label key={kind} class="inline">
            <input type="radio" name="sound" checked={sound.value === kind} onChange={() => (sound.value = kind)} />
            {t[kind]}
          </label>
        ))}
        {sound.value !== "screen" && <Preview deviceId={deviceId.value} onChoose={(id) => (deviceId.value = id)} />}
      </fieldset>
      <details>
        <summary>{t.more}</summary>
        <label>
          {t.people}
          <input value={people.value} onInput={(event) => (people.value = event.currentTarget.value)} />
        </label>
        <label>
          {t.language}
          <select value={spoken.value} onChange={(event) => (spoken.value = event.currentTarget.value)}>
            <option value="auto">{t.detect}</option>
            {COMMON_LANGUAGES.map((tag) => (
              <option key={tag} value={tag}>
                {nameOf(tag, texts.value.locale)}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t.vocabulary}
          <input value={vocabulary.value} onInput={(event) => (vocabulary.value = event.currentTarget.value)} />
        </label>
        <label>
          {t.agenda}
          <textarea rows={3} value={agenda.value} onInput={(event) => (agenda.value = event.currentTarget.value)} />
        </label>
      </details>
      <p class="hint">{session.value && t.kept(session.value.audio_retention)}</p>
      <button type="submit" class="primary big" disabled={starting.value}>
        {starting.value ? t.starting : t.go}
      </button>
    </form>
  );
}

/** The choice of a microphone, and its level. The microphone is open only while this is shown. */
function Preview({ deviceId, onChoose }: { deviceId: string; onChoose: (id: string) => void }) {
  const t = texts.value;
  const level = useSignal(0);
  const heard = useSignal(false);
  const refused = useSignal("");
  const devices = useSignal<MediaDeviceInfo[]>([]);

  useEffect(() => {
    let stop = () => {};
    let left = false;
    const open = async () => {
      try {
        const take = ({ peak }: { peak: number }) => {
          level.value = peak;
          heard.value ||= peak > HEARD;
        };
        const source = await openSource("microphone", deviceId || undefined, take, () => (level.value = 0));
        stop = source.stop;
        if (left) stop();
        devices.value = await microphones();
        refused.value = "";
      } catch (error) {
        refused.value = error instanceof NoSound && error.why === "NotAllowedError" ? t.sound.refused : t.sound.lost;
      }
    };
    void open();
    navigator.mediaDevices.addEventListener("devicechange", open);
    return () => {
      left = true;
      navigator.mediaDevices.removeEventListener("devicechange", open);
      stop();
    };
  }, [deviceId]);

  return (
    <>
      <label>
        {t.start.microphone}
        <select value={deviceId} onChange={(event) => onChoose(event.currentTarget.value)}>
          <option value="">{t.start.anyMicrophone}</option>
          {devices.value.map((device) => (
            <option key={device.deviceId} value={device.deviceId}>
              {device.label}
            </option>
          ))}
        </select>
      </label>
      <Meter level={level} label={t.start.level} />
      <p role="status" class={heard.value ? "good" : "hint"}>
        {refused.value || (heard.value ? t.start.heard : t.start.silent)}
      </p>
    </>
  );
}

function sourcesOf(sound: Sound, deviceId: string): ChosenSource[] {
  const microphone: ChosenSource = { kind: "microphone", deviceId: deviceId || undefined };
  if (sound === "microphone") return [microphone];
  return sound === "screen" ? [{ kind: "screen" }] : [microphone, { kind: "screen" }];
}
