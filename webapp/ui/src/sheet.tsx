// The card beside the map. On a phone it is a sheet below the map that can be pulled up.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

import { t } from "./text";

export function Sheet({ kind = "", children }: { kind?: string; children: ComponentChildren }) {
  const up = useSignal(false);
  const from = useRef<number | null>(null);
  const pulled = (e: PointerEvent) => {
    const by = from.current === null ? 0 : e.clientY - from.current;
    from.current = null;
    if (Math.abs(by) > 16) up.value = by < 0;
  };
  return (
    <aside class={`card drawer ${kind} ${up.value ? "up" : ""}`}>
      <button class="grip" aria-expanded={up.value} aria-label={t("sheet.pull")}
        onClick={() => (up.value = !up.value)}
        onPointerDown={(e) => (from.current = e.clientY)} onPointerUp={pulled} />
      {children}
    </aside>
  );
}
