/** Search in all meetings. A hit opens its meeting at the word. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { clock } from "../parts/format";
import { tellError } from "../parts/toast";
import { get } from "../server/http";
import type { SearchHit, SearchPage } from "../server/types";
import { texts } from "../texts";

const PAUSE_MS = 250;

export function SearchBox({ query, onInput }: { query: string; onInput: (query: string) => void }) {
  const t = texts.value.library;
  return (
    <search>
      <input
        type="search"
        aria-label={t.search}
        placeholder={`${t.search}: ${t.searchHint}`}
        value={query}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </search>
  );
}

export function Hits({ query }: { query: string }) {
  const t = texts.value.library;
  const hits = useSignal<SearchHit[] | null>(null);
  const next = useSignal<string | null>(null);
  const load = async (cursor: string, signal?: AbortSignal) => {
    const page = await get<SearchPage>(`v1/search?q=${encodeURIComponent(query)}${cursor}`, signal);
    hits.value = cursor ? [...(hits.value ?? []), ...page.hits] : page.hits;
    next.value = page.next_cursor ?? null;
  };
  useEffect(() => {
    const stop = new AbortController();
    const tellFailure = (error: unknown) => stop.signal.aborted || tellError(error);
    const timer = setTimeout(() => void load("", stop.signal).catch(tellFailure), PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [query]);
  if (hits.value === null) return null;
  if (hits.value.length === 0) return <p role="status">{t.noHits}</p>;
  return (
    <>
      <ol class="hits">
        {hits.value.map((hit) => (
          <li key={hit.segment_id}>
            <a href={`#/meetings/${hit.meeting_id}?${placeOf(hit)}`}>
              <strong>{hit.title || t.untitled}</strong> <span class="time">{clock(hit.start_s)}</span>
              <span class="snippet">
                {hit.speaker && `${hit.speaker}: `}
                <Marked text={hit.snippet} marks={hit.marks as [number, number][]} />
              </span>
            </a>
          </li>
        ))}
      </ol>
      {next.value && (
        <button type="button" onClick={() => void load(`&cursor=${next.value}`).catch(tellError)}>
          {t.more}
        </button>
      )}
    </>
  );
}

/** Where a hit is: its segment, and the words in it that were found. */
function placeOf(hit: SearchHit): string {
  const place = new URLSearchParams({ segment: String(hit.segment_id) });
  const characters = Array.from(hit.snippet);
  const found = hit.marks.map(([first, end]) => characters.slice(first as number, end as number).join(""));
  for (const each of new Set(found)) place.append("word", each);
  return place.toString();
}

/** *marks* count characters as the server does, by code points. */
function Marked({ text, marks }: { text: string; marks: [number, number][] }) {
  const characters = Array.from(text);
  let at = 0;
  const parts = marks.flatMap(([first, end]) => {
    const before = characters.slice(at, first).join("");
    at = end;
    return [before, <mark key={first}>{characters.slice(first, end).join("")}</mark>];
  });
  return (
    <>
      {parts}
      {characters.slice(at).join("")}
    </>
  );
}
