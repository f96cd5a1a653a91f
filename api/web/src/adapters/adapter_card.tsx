/** One adapter: its versions with their figures, and the decisions about them. */
import { useSignal } from "@preact/signals";
import { day, megabytes } from "../parts/format";
import { tell, tellError } from "../parts/toast";
import { call } from "../server/http";
import type { Adapter, AdapterDecision, AdapterHistory } from "../server/types";
import { texts } from "../texts";

interface CardOptions {
  path: string;
  history: AdapterHistory;
  put: (history: AdapterHistory) => void;
}

export function AdapterCard({ path, history, put }: CardOptions) {
  const t = texts.value.adapters;
  const reason = useSignal("");
  const [newest] = history.versions;
  const active = history.versions.find((version) => version.state === "active");
  const ask = async (action: string, body: object = {}) => {
    const why = reason.value.trim();
    try {
      const sent = { ...body, ...(why ? { reason: why } : {}) };
      put(await call<AdapterHistory>("POST", `v1/adapters/${path}/${action}`, { body: sent }));
      reason.value = "";
      tell(t.changed);
    } catch (error) {
      tellError(error);
    }
  };
  const title = `adapter-${path}`;
  return (
    <article class="card" aria-labelledby={title}>
      <h2 id={title}>{newest?.name}</h2>
      <p class="hint">{t.task[path.split("/")[0] ?? ""]}</p>
      <ul class="versions">
        {history.versions.map((version) => (
          <li key={version.label} data-state={version.state}>
            <div class="row">
              <strong>{version.label}</strong>
              <span class={`state ${version.state}`}>{t.state[version.state]}</span>
              {version.state !== "active" && (
                <button
                  type="button"
                  disabled={!reason.value.trim()}
                  onClick={() => void ask(`versions/${version.version}/promote`, { replaces: active?.label ?? null })}
                >
                  {t.promote(version.label)}
                </button>
              )}
              {version.state !== "retired" && (
                <button type="button" onClick={() => void ask(`versions/${version.version}/retire`)}>
                  {t.retire(version.label)}
                </button>
              )}
            </div>
            <Facts version={version} />
          </li>
        ))}
      </ul>
      <label>
        {t.reason}
        <input maxLength={500} value={reason.value} onInput={(event) => (reason.value = event.currentTarget.value)} />
      </label>
      <p class="hint">{t.promotion}</p>
      {active && (
        <button type="button" onClick={() => void ask("rollback")}>
          {t.rollBack}
        </button>
      )}
      {history.decisions.length > 0 && (
        <details>
          <summary>{t.decisions(history.decisions.length)}</summary>
          <ol>
            {history.decisions.map((decision) => (
              <DecisionRow key={`${decision.created_at} ${decision.adapter}`} decision={decision} />
            ))}
          </ol>
        </details>
      )}
    </article>
  );
}

function Facts({ version }: { version: Adapter }) {
  const { locale } = texts.value;
  const figures = Object.entries(version.metrics).filter(([, value]) => typeof value === "number");
  const facts = [
    `${version.method}, ${version.base_model}, ${megabytes(version.size_bytes, locale)}`,
    day(version.created_at, locale),
    ...figures.map(([name, value]) => `${name}: ${figure(value, locale)}`),
  ];
  return <p class="hint">{facts.join(" · ")}</p>;
}

function DecisionRow({ decision }: { decision: AdapterDecision }) {
  const { adapters: t, locale } = texts.value;
  const { metric, candidate, serving, gain, gain_low, gain_high } = decision.figures;
  const numbers = [candidate, serving, gain, gain_low, gain_high].map((each) => figure(each, locale));
  return (
    <li>
      {day(decision.created_at, locale)}, {decision.decided_by}: {t.move[decision.move]} {decision.adapter}
      {decision.replaced && decision.replaced !== decision.adapter && ` (${t.instead(decision.replaced)})`}
      {decision.reason && `. ${decision.reason}`}
      {typeof candidate === "number" && <p class="hint">{t.compared(String(metric ?? ""), numbers)}</p>}
      {decision.forced && <p class="hint">{t.forced}</p>}
    </li>
  );
}

function figure(value: unknown, locale: string): string {
  return typeof value === "number" ? value.toLocaleString(locale, { maximumSignificantDigits: 3 }) : "–";
}
