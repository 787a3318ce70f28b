import type { Failure } from "../rider";
import { t } from "../text";

// Failed says what happened, what it means, and what can be done.
export function Failed({ failure: { status, text } }: { failure: Failure }) {
  const next = status === 0 || status >= 500 ? t("failure.again") : status === 429 ? t("failure.wait") : t("failure.change");
  return <p class="bad" role="alert">{status === 0 ? t("failure.noAnswer") : t("failure.refused", { text })} {next}</p>;
}
