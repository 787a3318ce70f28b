// Pictures on buttons. Each button has a name besides.

// Pictures are functions: an element that lives as long as the program would hold the first page that it was on, and
// through that, from one to the next, every page that was ever drawn (test/unit/growth.test.ts).
const pictures = {
  theme: () => <><circle cx="8" cy="8" r="5.5" /><path class="full" d="M8 2.5a5.5 5.5 0 0 1 0 11z" /></>,
  closer: () => <><path d="M8 3v10M3 8h10" /></>,
  farther: () => <><path d="M3 8h10" /></>,
  both: () => <><rect class="full" x="2" y="8" width="6" height="6" rx="1" /><rect class="full" x="9" y="2" width="5" height="5" rx="1" /></>,
  first: () => <><rect class="full" x="2" y="8" width="6" height="6" rx="1" /><rect x="9" y="2" width="5" height="5" rx="1" /></>,
  second: () => <><rect x="2" y="8" width="6" height="6" rx="1" /><rect class="full" x="9" y="2" width="5" height="5" rx="1" /></>,
  heat: () => <><circle class="full" cx="8" cy="8" r="2" /><circle cx="8" cy="8" r="4.2" /><circle cx="8" cy="8" r="6.6" stroke-dasharray="2 1.6" /></>,
  trails: () => <><path d="M2 13h5V8h5V4" /><circle class="full" cx="12" cy="3.4" r="1.8" /></>,
  table: () => <><path d="M2 3h12v10H2zM2 6.5h12M2 9.8h12M6.5 3v10" /></>,
  legend: () => <><path d="M7 4h7M7 8h7M7 12h7" /><circle class="full" cx="3.4" cy="4" r="1.2" /><circle class="full" cx="3.4" cy="8" r="1.2" /><circle class="full" cx="3.4" cy="12" r="1.2" /></>,
};

export type IconName = keyof typeof pictures;

export function Icon({ name }: { name: IconName }) {
  return <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">{pictures[name]()}</svg>;
}
