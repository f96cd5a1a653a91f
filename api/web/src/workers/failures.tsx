/** Tasks that failed for good, which can be replayed. */
import { day } from "../parts/format";
import { tell } from "../parts/toast";
import type { Failure, FailurePage } from "../server/types";
import { texts } from "../texts";
import { replay, replayAll } from "./store";

export function Failures({ failures }: { failures: FailurePage }) {
  const t = texts.value.workers;
  const all = async () => {
    if (await replayAll()) tell(t.replayed);
  };
  return (
    <section aria-labelledby="failures">
      <div class="row">
        <h2 id="failures" class="grow">
          {t.failures(failures.waiting)}
        </h2>
        {failures.waiting > 1 && (
          <button type="button" onClick={() => void all()}>
            {t.replayAll}
          </button>
        )}
      </div>
      {failures.waiting === 0 && <p class="hint">{t.noFailures}</p>}
      <ul class="failures">
        {failures.failures.map((failure) => (
          <FailureRow key={failure.id} failure={failure} />
        ))}
      </ul>
    </section>
  );
}

function FailureRow({ failure }: { failure: Failure }) {
  const { workers: t, locale } = texts.value;
  const task = failure.task.replace("minutebook.", "");
  const again = async () => {
    if (await replay(failure)) tell(t.replayed);
  };
  return (
    <li class="row">
      <span class="grow">
        <strong>{t.task[task] ?? task}</strong> <span class="time">{day(failure.created_at, locale)}</span>{" "}
        {failure.meeting_id && <a href={`#/meetings/${failure.meeting_id}`}>{t.meeting}</a>}
        <br />
        {failure.detail}
      </span>
      <button type="button" aria-label={t.order(t.replay, `${task} ${failure.id}`)} onClick={() => void again()}>
        {t.replay}
      </button>
    </li>
  );
}
