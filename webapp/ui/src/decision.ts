// Why a ride got its chair, in words: made from the cost terms that the server recorded.
// webapp/docs/dispatch.md says what they are.

// Terms are of one chair, in thousandths of a tick.
export interface Terms {
  chair_id: string | null; // null if the id was too long to be recorded
  pickup: number; // the way to the rider
  carry: number; // the ride with this chair against one of mean speed
}

export interface Match extends Terms {
  ride_id: string;
  matched_at: number; // in milliseconds
  class?: "unknown" | "overdue" | "ordinary" | "elsewhere";
  trip?: number;
  age?: number;
  lost?: Terms[];
}

// Reason is the kind of sentence that explains a match.
export type Reason = "unrecorded" | "only" | "equal" | "elsewhereNeeded" | "best" | "nearer" | "fasterForLong" | "slowerButNear";

export interface Decision {
  reason: Reason;
  rival: Terms | null; // whom the sentence is about
  ticks: number; // how much the sentence is about
}

export function cost(m: Match, c: Terms): number {
  return (m.trip ?? 0) + (m.age ?? 0) + c.pickup + c.carry;
}

// decide finds what made the difference to the rival that came closest.
export function decide(m: Match): Decision {
  if (!m.lost || m.class === undefined || m.class === "unknown") return { reason: "unrecorded", rival: null, ticks: 0 };
  const rival = m.lost.toSorted((a, b) => cost(m, a) - cost(m, b))[0];
  if (!rival) return { reason: "only", rival: null, ticks: 0 };
  const of = (reason: Reason, ticks: number): Decision => ({ reason, rival, ticks: Math.abs(ticks) / 1000 });
  const pickup = rival.pickup - m.pickup; // above zero: the rival is farther away, in time
  const carry = rival.carry - m.carry; // above zero: the rival takes longer for the ride
  if (pickup === 0 && carry === 0) return of("equal", 0);
  if (pickup + carry < 0) return of("elsewhereNeeded", pickup + carry);
  if (pickup < 0) return of("fasterForLong", carry);
  if (carry < 0) return of("slowerButNear", pickup);
  return pickup >= carry ? of("nearer", pickup) : of("best", carry);
}
