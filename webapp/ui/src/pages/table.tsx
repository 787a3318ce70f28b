// What the map shows, as a table: for those who do not see it, or rather read.

import type { City } from "../city";
import type { Selection } from "../draw";
import { townAt } from "../geometry";
import { number, t } from "../text";

// lines bounds the table, which is drawn anew twice a second.
const lines = 100;

interface Line {
  key: string;
  what: string;
  state: string;
  since: number | null; // in seconds
  place: { x: number; y: number } | null;
  select: Selection;
}

export function CityTable({ city, now, onSelect }: { city: City; now: number; onSelect: (s: Selection) => void }) {
  const all = linesOf(city, now);
  return (
    <section class="as-table" tabIndex={0} aria-label={t("map.table")}>
      <table>
        <thead>
          <tr><th>{t("table.what")}</th><th>{t("chair.state")}</th><th class="figure">{t("ride.since")}</th><th>{t("table.town")}</th><th class="figure">{t("chair.place")}</th></tr>
        </thead>
        <tbody>
          {all.slice(0, lines).map((l) => (
            <tr key={l.key}>
              <td><button class="link" onClick={() => onSelect(l.select)}>{l.what}</button></td>
              <td>{l.state}</td>
              <td class="figure">{l.since === null ? "" : t("ago", { n: Math.max(0, Math.round(l.since)) })}</td>
              <td>{l.place && t(`town.${townAt(l.place).key}`)}</td>
              <td class="figure">{l.place && `${l.place.y}, ${l.place.x}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {all.length > lines && <p class="quiet">{t("table.more", { n: number(all.length - lines) })}</p>}
      {all.length === 0 && <p class="quiet">{t("empty.title")}</p>}
    </section>
  );
}

// linesOf has those who wait first, then rides, then free chairs; each in a stable order.
function linesOf(city: City, now: number): Line[] {
  const waiting: Line[] = [];
  for (const r of city.rides.values()) {
    if (r.chair !== null) continue;
    waiting.push({ key: r.id, what: t("ride.title"), state: t("legend.waiting"), since: (now - r.asked) / 1000, place: r.place, select: { ride: r.id } });
  }
  waiting.sort((a, b) => b.since! - a.since!);
  const order = { carrying: 0, coming: 1, free: 2, off: 3 };
  const chairs = [...city.chairs.values()]
    .filter((c) => c.known && c.look !== "off")
    .sort((a, b) => order[a.look] - order[b.look] || (a.id < b.id ? -1 : 1))
    .map((c): Line => ({
      key: c.id, what: `${t("chair.title")} ${c.id.slice(0, 4)}`, state: t(`legend.${c.look}`),
      since: c.ride ? (now - c.ride.since) / 1000 : null, place: c.target, select: { chair: c.id },
    }));
  return [...waiting, ...chairs];
}
