/** What is known of a meeting beforehand: people, agenda, terms, and how its minutes are written. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { COMMON_LANGUAGES, listed, nameOf } from "../parts/format";
import { tell, tellError } from "../parts/toast";
import { call, get } from "../server/http";
import type { Meeting, Template } from "../server/types";
import { texts } from "../texts";
import type { MeetingStore } from "./store";

export function About({ store, meeting }: { store: MeetingStore; meeting: Meeting }) {
  return (
    <details>
      <summary>{texts.value.about.title}</summary>
      <AboutForm store={store} meeting={meeting} />
    </details>
  );
}

function AboutForm({ store, meeting }: { store: MeetingStore; meeting: Meeting }) {
  const t = texts.value;
  const people = useSignal((meeting.participants ?? []).join(", "));
  const vocabulary = useSignal((meeting.vocabulary ?? []).join(", "));
  const agenda = useSignal((meeting.agenda ?? []).join("\n"));
  const language = useSignal(meeting.minutes_language ?? "");
  const template = useSignal(meeting.template ?? "general");
  const templates = useSignal<Template[]>([]);
  useEffect(() => {
    get<{ templates: Template[] }>("v1/templates")
      .then((found) => (templates.value = found.templates))
      .catch(tellError);
  }, []);
  const save = async (event: Event) => {
    event.preventDefault();
    const body = {
      participants: listed(people.value, ","),
      vocabulary: listed(vocabulary.value, ","),
      agenda: listed(agenda.value, "\n"),
      minutes_language: language.value || null,
      template: template.value,
    };
    try {
      store.meeting.value = await call<Meeting>("PATCH", `v1/meetings/${store.id}`, { body });
      tell(t.edit.saved);
      void store.lookWhileRevised();
    } catch (error) {
      tellError(error);
    }
  };
  return (
    <form onSubmit={save}>
      <label>
        {t.start.people}
        <input value={people.value} onInput={(event) => (people.value = event.currentTarget.value)} />
      </label>
      <label>
        {t.start.vocabulary}
        <input value={vocabulary.value} onInput={(event) => (vocabulary.value = event.currentTarget.value)} />
      </label>
      <label>
        {t.start.agenda}
        <textarea rows={3} value={agenda.value} onInput={(event) => (agenda.value = event.currentTarget.value)} />
      </label>
      <div class="row">
        <label>
          {t.about.language}
          <select value={language.value} onChange={(event) => (language.value = event.currentTarget.value)}>
            <option value="">{t.about.sameLanguage}</option>
            {COMMON_LANGUAGES.map((tag) => (
              <option key={tag} value={tag}>
                {nameOf(tag, t.locale)}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t.about.template}
          <select value={template.value} onChange={(event) => (template.value = event.currentTarget.value)}>
            {templates.value.map(({ name, title }) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </label>
      </div>
      <button type="submit" class="primary">
        {t.edit.save}
      </button>
    </form>
  );
}
