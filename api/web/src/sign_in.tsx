/** Asks for a key once. The server answers with a cookie that scripts cannot read; the key itself is not kept. */
import { useSignal } from "@preact/signals";
import { wordsFor } from "./parts/toast";
import { call, ProblemError, signedOut } from "./server/http";
import type { PageSession } from "./server/types";
import { texts } from "./texts";

export function SignIn() {
  const t = texts.value;
  const key = useSignal("");
  const error = useSignal("");
  const submit = async (event: Event) => {
    event.preventDefault();
    error.value = /^[!-~]+$/.test(key.value.trim()) ? "" : t.signIn.wrong;
    if (error.value) return;
    try {
      await call<PageSession>("POST", "v1/session", { headers: { Authorization: `Bearer ${key.value.trim()}` } });
      signedOut.value = false;
    } catch (caught) {
      error.value = caught instanceof ProblemError && caught.status === 401 ? t.signIn.wrong : wordsFor(caught);
    }
  };
  return (
    <form class="card narrow" onSubmit={submit}>
      <h1>{t.signIn.title}</h1>
      <p>{t.signIn.about}</p>
      <label>
        {t.signIn.key}
        <input
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          value={key.value}
          onInput={(event) => (key.value = event.currentTarget.value)}
        />
      </label>
      <p class="error" role="alert">
        {error.value}
      </p>
      <button type="submit" class="primary">
        {t.signIn.submit}
      </button>
    </form>
  );
}
