/** Makes, shows and ends the share links of a meeting. */
import { useSignal } from "@preact/signals";
import { day } from "../parts/format";
import { tell, tellError } from "../parts/toast";
import { address, call, get } from "../server/http";
import type { CreatedShare, Share, ShareList, ShareScope } from "../server/types";
import { texts } from "../texts";

const SCOPES: ShareScope[] = ["minutes", "transcript", "audio"];
const DAYS = [1, 7, 30, 365];
const DAY_MS = 24 * 3600 * 1000;

export function ShareMenu({ meetingId, hasAudio }: { meetingId: string; hasAudio: boolean }) {
  const t = texts.value.share;
  const path = `v1/meetings/${meetingId}/shares`;
  const scope = useSignal<ShareScope>("minutes");
  const days = useSignal(7);
  const link = useSignal("");
  const shares = useSignal<Share[]>([]);
  const load = async () => {
    shares.value = (await get<ShareList>(path)).shares.filter(isOpen);
  };
  const make = async (event: Event) => {
    event.preventDefault();
    try {
      const endsAt = new Date(Date.now() + days.value * DAY_MS).toISOString();
      const made = await call<CreatedShare>("POST", path, { body: { scope: scope.value, ends_at: endsAt } });
      link.value = address(made.path);
      await load();
    } catch (error) {
      tellError(error);
    }
  };
  const end = async (share: Share) => {
    try {
      await call("DELETE", `${path}/${share.id}`);
      link.value = "";
      await load();
      tell(t.ended);
    } catch (error) {
      tellError(error);
    }
  };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link.value);
      tell(t.copied);
    } catch (error) {
      tellError(error); // the link can still be selected and copied by hand
    }
  };
  const open = (event: Event) => {
    if ((event.currentTarget as HTMLDetailsElement).open) void load().catch(tellError);
  };
  return (
    <details class="menu share" onToggle={open}>
      <summary>{t.title}</summary>
      <div class="box">
        <form onSubmit={make}>
          <label>
            {t.shows}
            <select value={scope.value} onChange={(event) => (scope.value = event.currentTarget.value as ShareScope)}>
              {SCOPES.filter((each) => hasAudio || each !== "audio").map((each) => (
                <option key={each} value={each}>
                  {t.scope[each]}
                </option>
              ))}
            </select>
          </label>
          <label>
            {t.ends}
            <select value={days.value} onChange={(event) => (days.value = Number(event.currentTarget.value))}>
              {DAYS.map((each) => (
                <option key={each} value={each}>
                  {t.days(each)}
                </option>
              ))}
            </select>
          </label>
          <button type="submit" class="primary">
            {t.make}
          </button>
        </form>
        {link.value && (
          <p class="row">
            <input readOnly aria-label={t.link} value={link.value} onFocus={(event) => event.currentTarget.select()} />
            <button type="button" onClick={() => void copy()}>
              {t.copy}
            </button>
          </p>
        )}
        <p class="hint">{t.hint}</p>
        <ul class="shares">
          {shares.value.map((share) => (
            <li key={share.id} class="row">
              <span class="grow">
                {t.scope[share.scope]}, {t.until(day(share.ends_at, texts.value.locale))}
              </span>
              <button type="button" class="danger quiet" onClick={() => void end(share)}>
                {t.end}
              </button>
            </li>
          ))}
        </ul>
      </div>
    </details>
  );
}

function isOpen({ ends_at, revoked_at }: Share): boolean {
  return !revoked_at && Date.parse(ends_at) > Date.now();
}
