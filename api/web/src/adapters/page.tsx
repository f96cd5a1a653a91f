/** The adapters of the server: their versions, what was decided about them, and promotion, rollback and retirement. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { tellError } from "../parts/toast";
import { get } from "../server/http";
import type { AdapterHistory, AdapterList } from "../server/types";
import { texts } from "../texts";
import { AdapterCard } from "./adapter_card";

/** Where the API has an adapter: `asr/clinic`. */
type AdapterPath = string;

export function AdaptersPage() {
  const t = texts.value.adapters;
  const histories = useSignal<ReadonlyMap<AdapterPath, AdapterHistory> | null>(null);
  const put = (path: AdapterPath, history: AdapterHistory) => {
    histories.value = new Map(histories.value).set(path, history);
  };
  useEffect(() => {
    read()
      .then((found) => (histories.value = found))
      .catch(tellError);
  }, []);
  return (
    <section>
      <h1>{t.title}</h1>
      {histories.value?.size === 0 && <p class="hint">{t.none}</p>}
      <div class="cards">
        {[...(histories.value ?? [])].map(([path, history]) => (
          <AdapterCard key={path} path={path} history={history} put={(changed) => put(path, changed)} />
        ))}
      </div>
    </section>
  );
}

async function read(): Promise<Map<AdapterPath, AdapterHistory>> {
  const { adapters } = await get<AdapterList>("v1/adapters");
  const paths = [...new Set(adapters.map((each) => `${each.task}/${each.name}`))];
  const found = await Promise.all(paths.map((path) => get<AdapterHistory>(`v1/adapters/${path}`)));
  return new Map(paths.map((path, at) => [path, found[at] as AdapterHistory]));
}
