/** The people whose voices were told apart: their names, names that were spoken for them, and who is the same. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { clock } from "../parts/format";
import { tell, tellError } from "../parts/toast";
import { call, get } from "../server/http";
import type { PeopleOut, Person, PersonChange } from "../server/types";
import { texts } from "../texts";
import type { MeetingStore } from "./store";

export function People({ store }: { store: MeetingStore }) {
  const t = texts.value.people;
  const people = useSignal<Person[]>([]);
  const take = (found: PeopleOut) => (people.value = found.people);
  // A new label in the transcript means that there is somebody new, or that somebody has another name.
  const labels = [...new Set(store.segments.value.map((each) => each.speaker))].join("\n");
  useEffect(() => {
    get<PeopleOut>(`${store.root}/people`).then(take).catch(tellError);
  }, [store, labels]);

  const send = async (number: number, body: PersonChange): Promise<void> => {
    take(await call<PeopleOut>("PATCH", `${store.root}/people/${number}`, { body }));
    await store.loadTranscript();
    void store.lookWhileRevised();
  };
  const change = async (number: number, body: PersonChange, back: PersonChange) => {
    try {
      await send(number, body);
      tell(texts.value.edit.saved, () => send(number, back));
    } catch (error) {
      tellError(error);
    }
  };
  const shown = people.value.filter((person) => person.same_as === null);
  if (shown.length === 0) return null;
  const suggested = shown.filter((person) => person.suggestion !== null).length;
  return (
    <details class="people">
      <summary>
        {t.title(shown.length)}
        {suggested > 0 && <small class="mark"> {t.suggested(suggested)}</small>}
      </summary>
      <ul>
        {shown.map((person) => (
          <PersonRow
            key={`${person.number} ${person.name}`}
            person={person}
            others={shown.filter((other) => other !== person)}
            joined={people.value.filter((other) => rootOf(people.value, other) === person && other !== person)}
            store={store}
            change={change}
          />
        ))}
      </ul>
    </details>
  );
}

function rootOf(people: readonly Person[], person: Person): Person {
  const other = people.find((each) => each.number === person.same_as);
  return other ? rootOf(people, other) : person;
}

interface RowOptions {
  person: Person;
  others: readonly Person[];
  /** Those who turned out to be this person. */
  joined: readonly Person[];
  store: MeetingStore;
  change: (number: number, body: PersonChange, back: PersonChange) => Promise<void>;
}

function PersonRow({ person, others, joined, store, change }: RowOptions) {
  const t = texts.value.people;
  const name = useSignal(person.name ?? "");
  const { number, suggestion } = person;
  const rename = (wanted: string | null) => change(number, { name: wanted }, { name: person.name });
  const save = (event: Event) => {
    event.preventDefault();
    void rename(name.value.trim() || null);
  };
  const first = store.segments.value.find((segment) => segment.speaker === person.shown);
  const hear = () => first && store.playback.value?.playFrom(first.start_s);
  return (
    <li>
      <form class="row" onSubmit={save}>
        <label>
          {t.name(number)}
          <input
            maxLength={100}
            placeholder={person.shown}
            value={name.value}
            onInput={(event) => (name.value = event.currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={name.value.trim() === (person.name ?? "")}>
          {texts.value.edit.save}
        </button>
        <span class="hint">{t.spoke(clock(person.spoke_s), person.segments)}</span>
        {first && store.playback.value && (
          <button type="button" class="plain" aria-label={t.hear(person.shown)} onClick={hear}>
            ▶
          </button>
        )}
        {others.length > 0 && (
          <label class="inline">
            {t.same}
            <select
              value=""
              onChange={(event) =>
                void change(number, { same_as: Number(event.currentTarget.value) }, { same_as: null })
              }
            >
              <option value="">–</option>
              {others.map((other) => (
                <option key={other.number} value={other.number}>
                  {other.shown}
                </option>
              ))}
            </select>
          </label>
        )}
      </form>
      {suggestion && (
        <p class="row">
          <button type="button" onClick={() => void rename(suggestion.name)}>
            {t.take(suggestion.name)}
          </button>
          <button
            type="button"
            class="plain"
            onClick={() => store.point(suggestion.evidence.map((each) => each.segment_id))}
          >
            {suggestion.evidence.map((each) => `${clock(each.start_s)} “${each.text.trim()}”`).join(", ")}
          </button>
        </p>
      )}
      {joined.map((other) => (
        <p key={other.number} class="row hint">
          {t.joined(other.number)}
          <button type="button" onClick={() => void change(other.number, { same_as: null }, { same_as: number })}>
            {t.separate}
          </button>
        </p>
      ))}
    </li>
  );
}
