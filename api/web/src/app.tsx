/** The frame of every view: the bar at the top, the sign-in form where the server asks for it, and the messages. */
import { effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { AdaptersPage } from "./adapters/page";
import { LibraryPage } from "./library/page";
import { CaptionsPage } from "./live/captions";
import type { Recording } from "./live/recording";
import { recordings } from "./live/recordings";
import { StartPage } from "./live/start";
import { ComparePage } from "./meeting/compare";
import { MeetingView } from "./meeting/page";
import { Confirm } from "./parts/confirm";
import { remember, remembered } from "./parts/memory";
import { place } from "./parts/router";
import { Toasts } from "./parts/toast";
import { call, signedOut } from "./server/http";
import { learnSession, session } from "./server/session";
import { SharedView } from "./shares/shared";
import { SignIn } from "./sign_in";
import { choose, LANGUAGES, language, texts } from "./texts";
import { WorkersPage } from "./workers/page";

const look = signal(remembered("look") ?? "auto");

effect(() => {
  document.documentElement.dataset.look = look.value;
  remember("look", look.value);
});
effect(() => {
  document.documentElement.lang = texts.value.locale;
});

export function App() {
  const t = texts.value;
  const isGuest = place.value.path[0] === "shared";
  useEffect(() => {
    if (!isGuest) void learnSession();
  }, [signedOut.value, isGuest]);
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("content")?.focus()}>
        {t.skip}
      </button>
      <Bar />
      <main id="content" tabIndex={-1}>
        {signedOut.value && place.value.path[0] !== "shared" ? <SignIn /> : <View />}
      </main>
      <Toasts />
      <Confirm />
    </>
  );
}

function View() {
  const [first, id] = place.value.path;
  if (first === "start") return <StartPage />;
  if (first === "captions" && id) return <CaptionsPage key={id} id={id} />;
  if (first === "compare" && id) return <ComparePage ids={place.value.path.slice(1, 3)} />;
  if (first === "shared" && id) return <SharedView key={id} token={id} />;
  if (first === "workers") return <WorkersPage />;
  if (first === "adapters") return <AdaptersPage />;
  if (first === "meetings" && id) return <MeetingView key={id} id={id} />;
  return <LibraryPage />;
}

function Bar() {
  const first = place.value.path[0] ?? "";
  const here = (name: string) => (first === name ? ("page" as const) : undefined);
  const isGuest = first === "shared";
  const live = [...recordings.value.values()].find((recording) => !recording.ended.value);
  return (
    <header class="bar">
      <a class="brand" href="#/">
        <img src="page/icon.svg" alt="" width="26" height="26" />
        Minutebook
      </a>
      {isGuest ? <span class="grow" /> : <Links live={live} here={here} />}
      <Preferences />
    </header>
  );
}

interface LinksOptions {
  live: Recording | undefined;
  here: (name: string) => "page" | undefined;
}

function Links({ live, here }: LinksOptions) {
  const t = texts.value;
  return (
    <nav aria-label={t.nav.label}>
      <a href="#/" aria-current={here("")}>
        {t.nav.meetings}
      </a>
      {live ? (
        <a class="recording" href={`#/meetings/${live.meetingId}`}>
          <span class="dot" aria-hidden="true" />
          {t.live.recording}
        </a>
      ) : (
        <a href="#/start" aria-current={here("start")}>
          {t.nav.start}
        </a>
      )}
      {session.value?.scopes.includes("admin") && (
        <>
          <a href="#/workers" aria-current={here("workers")}>
            {t.nav.workers}
          </a>
          <a href="#/adapters" aria-current={here("adapters")}>
            {t.nav.adapters}
          </a>
        </>
      )}
    </nav>
  );
}

function Preferences() {
  const t = texts.value;
  const signOut = async () => {
    await call("DELETE", "v1/session").catch(() => {});
    signedOut.value = true;
  };
  return (
    <div class="preferences">
      <select
        aria-label={t.look.label}
        value={look.value}
        onChange={(event) => (look.value = event.currentTarget.value)}
      >
        <option value="auto">{t.look.auto}</option>
        <option value="light">{t.look.light}</option>
        <option value="dark">{t.look.dark}</option>
      </select>
      <select
        aria-label={t.look.language}
        value={language.value}
        onChange={(event) => choose(event.currentTarget.value)}
      >
        {Object.entries(LANGUAGES).map(([tag, { name }]) => (
          <option key={tag} value={tag} lang={tag}>
            {name}
          </option>
        ))}
      </select>
      {session.value?.asks_for_key && !signedOut.value && (
        <button type="button" class="plain" onClick={() => void signOut()}>
          {t.signIn.out}
        </button>
      )}
    </div>
  );
}
