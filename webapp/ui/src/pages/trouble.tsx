// Trouble that can be made for the city, to watch it go on.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { beginRush, progress, rush } from "../simulator";
import { type Trouble, cluster, failed, look, make, presence, troubles, unlock, wrongToken } from "../supervisor";
import { t } from "../text";

const rushTimes = 5;
const rushLasts = 30_000;

export function TroublePanel() {
  useEffect(() => {
    void look();
    const timer = setInterval(() => presence.peek() === "open" && void look(), 1000);
    return () => clearInterval(timer);
  }, []);
  const state = presence.value;
  return (
    <section class="trouble">
      <h3>{t("trouble.title")}</h3>
      <div class="buttons">
        <Rush />
        {troubles.map((one) => <button key={one} class="chip" disabled={!possible(one)} onClick={() => void make(one)}>{t(`trouble.${one}`)}</button>)}
      </div>
      {state === "absent" && <p class="quiet">{t("trouble.absent")}</p>}
      {state === "locked" && <Unlock />}
      {state === "open" && !cluster.value?.database && <p class="quiet">{t("trouble.ownDatabases")}</p>}
      {failed.value !== null && <p class="bad" role="alert">{t("trouble.failed", { text: failed.value })}</p>}
      {state === "open" && <Members />}
    </section>
  );
}

const possible = (one: Trouble): boolean => presence.value === "open" && (one !== "database-away" || cluster.value!.database);

// Rush has the riders of this page order more often for a while, which every server can be asked to bear.
function Rush() {
  const rushing = rush.value > 1;
  return (
    <button class="chip" aria-pressed={rushing} disabled={progress.value.state !== "running" || rushing} onClick={() => beginRush(rushTimes, rushLasts)}>
      {t("trouble.rush", { n: rushTimes })}
    </button>
  );
}

function Unlock() {
  const text = useSignal("");
  return (
    <form onSubmit={(e) => (e.preventDefault(), unlock(text.value))}>
      <p class="quiet">{t("trouble.locked")}</p>
      <label class="field"><span>{t("trouble.token")}</span>
        <input type="password" required autocomplete="off" value={text.value} onInput={(e) => (text.value = e.currentTarget.value)} /></label>
      {wrongToken.value && <p class="bad" role="alert">{t("trouble.wrong")}</p>}
      <button class="chip">{t("operator.enter")}</button>
    </form>
  );
}

function Members() {
  return (
    <ul class="rows" aria-live="polite">
      {cluster.value!.members.map((m) => (
        <li key={m.name}><b>{m.name}</b>
          {m.apart && <span class="bad">{t("trouble.apart")}</span>}
          <span class={m.leads ? "leads" : "quiet"}>{m.leads ? t("trouble.leads") : m.says}</span></li>
      ))}
    </ul>
  );
}
