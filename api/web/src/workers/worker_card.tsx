/** One worker: what it does now, what that costs, and the orders that it can be given. */
import { clock, day, megabytes, tenths } from "../parts/format";
import type { MeetingDelay, PoolProcess, Worker } from "../server/types";
import { texts } from "../texts";
import { asked, askWorker, type WorkerAction, workerPath } from "./store";

const ID_SHOWN = 8;

interface CardOptions {
  worker: Worker;
  meetings: MeetingDelay[];
  flower: string | null;
}

export function WorkerCard({ worker, meetings, flower }: CardOptions) {
  const t = texts.value.workers;
  const id = `worker-${worker.name}`;
  return (
    <article class="card" aria-labelledby={id} data-state={worker.state}>
      <div class="row">
        <h2 id={id} class="grow">
          {worker.name}
        </h2>
        <span class={`state ${worker.state}`}>
          {t.state[worker.state]}
          {worker.state === "lost" && `, ${t.seen(clock(worker.seen_s))}`}
        </span>
      </div>
      <ul class="processes">
        {worker.processes.map((process) => (
          <li key={process.place}>
            <ProcessLine process={process} meetings={meetings} />
          </li>
        ))}
      </ul>
      <Facts worker={worker} />
      {worker.last_error && (
        <p class="bad">
          {t.lastError(day(worker.last_error.at, texts.value.locale))} {worker.last_error.text}
        </p>
      )}
      <div class="row">
        <Order worker={worker} action={worker.state.startsWith("drain") ? "resume" : "drain"} />
        <Order worker={worker} action="restart" />
        {flower && (
          <a href={`${flower}/worker/${encodeURIComponent(worker.name)}`} target="_blank" rel="noreferrer">
            {t.inFlower}
          </a>
        )}
      </div>
    </article>
  );
}

function Order({ worker, action }: { worker: Worker; action: WorkerAction }) {
  const t = texts.value.workers;
  const waits = asked.value.has(workerPath(worker.name, action));
  const isOver = action === "restart" && worker.state === "restarting";
  return (
    <button
      type="button"
      aria-label={t.order(t[action], worker.name)}
      disabled={waits || isOver}
      onClick={() => void askWorker(worker.name, action)}
    >
      {t[action]}
    </button>
  );
}

function ProcessLine({ process, meetings }: { process: PoolProcess; meetings: MeetingDelay[] }) {
  const t = texts.value;
  if (!process.ready) return <>{t.workers.loading}</>;
  if (!process.task) return <span class="hint">{t.workers.waits}</span>;
  const titles = new Map(meetings.map((meeting) => [meeting.meeting_id, meeting.title]));
  return (
    <>
      {t.workers.task[process.task.replace("minutebook.", "")] ?? process.task}{" "}
      <span class="time">{clock(process.busy_s ?? 0)}</span>
      {process.meetings?.map((id) => (
        <>
          {" "}
          <a key={id} href={`#/meetings/${id}`}>
            {titles.get(id) || id.slice(0, ID_SHOWN)}
          </a>
        </>
      ))}
    </>
  );
}

function Facts({ worker }: { worker: Worker }) {
  const { workers: t, locale } = texts.value;
  const { steps, step_s, step_windows, notes, note_s } = worker.averages;
  const pairs: [string, string | false][] = [
    [t.steps, step_s != null && t.stepOf(steps ?? 0, tenths(step_s, locale))],
    [t.batch, step_windows != null && tenths(step_windows, locale)],
    [t.notes, note_s != null && t.stepOf(notes ?? 0, tenths(note_s, locale))],
    ...worker.models.map((model): [string, string] => [t.model, modelWords(model)]),
    [t.processor, worker.cpu_cores != null && t.cores(tenths(worker.cpu_cores, locale))],
    [t.memory, megabytes(worker.resident_bytes ?? 0, locale)],
    ...worker.gpus.map((gpu): [string, string] => [
      `GPU ${gpu.device}`,
      `${gpu.name}, ${Math.round(100 * gpu.use)} %, ${megabytes(gpu.used_bytes, locale)}`,
    ]),
    [t.taken, worker.takes.length === 0 ? t.nothing : worker.takes.join(", ")],
  ];
  return (
    <dl>
      {pairs.map(
        ([name, value]) =>
          value !== false && (
            <div key={`${name} ${value}`}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

/** `package:tiny.en, int8 on cpu, clinic@3`. */
function modelWords({ model, precision, device, adapters }: Worker["models"][number]): string {
  const where = [precision, device].filter(Boolean).join(", ");
  return [model, where, ...(adapters ?? [])].filter(Boolean).join(", ");
}
