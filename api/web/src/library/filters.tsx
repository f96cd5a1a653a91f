/** Narrows the list of meetings down: by title or person, by state, by day. The server filters, and pages what is left. */
import { texts } from "../texts";

export interface Filter {
  text: string;
  state: string;
  since: string;
  until: string;
}

export const NO_FILTER: Filter = { text: "", state: "", since: "", until: "" };

/** The states that people tell apart. A meeting that is over may still be written. */
const STATES: Record<string, string[]> = {
  live: ["live"],
  working: ["draining", "summarizing"],
  finished: ["finished"],
};

export function isSet(filter: Filter): boolean {
  return Object.values(filter).some(Boolean);
}

/** *filter* as the query of a request. A day that is before the other one is left out. */
export function queryOf({ text, state, since, until }: Filter): string {
  const query = new URLSearchParams();
  if (text.trim()) query.set("text", text.trim());
  for (const each of STATES[state] ?? []) query.append("state", each);
  if (since) query.set("since", since);
  if (until && (!since || until >= since)) query.set("until", until);
  return query.toString();
}

/** Where there is room, the filters are open from the beginning. */
const WIDE = "(min-width: 40rem)";

interface FiltersOptions {
  filter: Filter;
  onChange: (filter: Filter) => void;
}

export function Filters({ filter, onChange }: FiltersOptions) {
  const t = texts.value.filter;
  const set = (change: Partial<Filter>) => onChange({ ...filter, ...change });
  return (
    <details open={isSet(filter) || matchMedia(WIDE).matches}>
      <summary>{t.title}</summary>
      <div class="filters">
        <input
          type="text"
          maxLength={100}
          aria-label={t.text}
          placeholder={t.text}
          value={filter.text}
          onInput={(event) => set({ text: event.currentTarget.value })}
        />
        <select
          aria-label={t.state}
          value={filter.state}
          onChange={(event) => set({ state: event.currentTarget.value })}
        >
          <option value="">{t.anyState}</option>
          {Object.keys(STATES).map((state) => (
            <option key={state} value={state}>
              {t.states[state]}
            </option>
          ))}
        </select>
        <label>
          {t.since}
          <input
            type="date"
            value={filter.since}
            max={filter.until || undefined}
            onInput={(event) => set({ since: event.currentTarget.value })}
          />
        </label>
        <label>
          {t.until}
          <input
            type="date"
            value={filter.until}
            min={filter.since || undefined}
            onInput={(event) => set({ until: event.currentTarget.value })}
          />
        </label>
        {isSet(filter) && (
          <button type="button" onClick={() => onChange(NO_FILTER)}>
            {t.clear}
          </button>
        )}
      </div>
    </details>
  );
}
