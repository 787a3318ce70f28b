// A city for pictures: the same at each run, frame by frame, a second apart.

const seed = 14;

// play returns what the feed says first, and a function that returns the frames of the next
// second. Times count from began, in milliseconds. With a number of busy chairs,
// each of them always has a ride.
export function play(began, busy = 0) {
  const random = generator(seed);
  const chairs = Array.from({ length: busy || 64 }, (_, n) => ({
    id: `chair${n}`, town: n % 4 === 3 ? 300 : 0, speed: [2, 3, 5, 7][n % 4], active: n % 13 !== 0, ride: null, ...corner(random, n % 4 === 3 ? 300 : 0),
  }));
  const rides = new Map();
  let now = began;
  let numbered = 0;

  const chairRow = (c) => ({ id: c.id, kind: "chair", active: c.active, speed: c.speed, latitude: c.y, longitude: c.x });

  function order(town = random() < 0.7 ? 0 : 300) {
    const from = corner(random, town);
    const ride = { id: `ride${numbered++}`, town, ...from, to: corner(random, town), asked: now, status: "MATCHING" };
    rides.set(ride.id, ride);
    return { action: "insert", data: [{ id: ride.id, kind: "ride", status: "MATCHING", since: now, chair: null, latitude: ride.y, longitude: ride.x }] };
  }

  function match(ride) {
    const distance = (c) => Math.abs(c.x - ride.x) + Math.abs(c.y - ride.y);
    const free = chairs.filter((c) => c.active && !c.ride && c.town === ride.town).sort((a, b) => distance(a) - distance(b));
    if (free.length === 0 || now - ride.asked < 1000 + 9000 * random()) return [];
    free[0].ride = ride;
    ride.status = "ENROUTE";
    return [{ action: "update", data: [{ id: ride.id, chair: free[0].id, status: "ENROUTE", since: now }] }];
  }

  function drive(c) {
    const goal = c.ride.status === "ENROUTE" ? c.ride : c.ride.to;
    if (c.x !== goal.x) c.x += 5 * Math.sign(goal.x - c.x);
    else if (c.y !== goal.y) c.y += 5 * Math.sign(goal.y - c.y);
    else return arrive(c);
    return [{ action: "update", data: [{ id: c.id, latitude: c.y, longitude: c.x }] }];
  }

  function arrive(c) {
    const { id, status } = c.ride;
    c.ride.status = status === "ENROUTE" ? "CARRYING" : "COMPLETED";
    if (c.ride.status === "COMPLETED") {
      rides.delete(id);
      c.ride = null;
      return [{ action: "update", data: [{ id, status: "COMPLETED", since: now }] }];
    }
    return [{ action: "update", data: [{ id, status: "CARRYING", since: now }] }];
  }

  // crowd gives each chair that has none a ride.
  function crowd() {
    const frames = [];
    for (const c of chairs) {
      if (c.ride || !c.active) continue;
      frames.push(order(c.town));
      c.ride = rides.get(`ride${numbered - 1}`);
      c.ride.status = "ENROUTE";
      frames.push({ action: "update", data: [{ id: c.ride.id, chair: c.id, status: "ENROUTE", since: now }] });
    }
    return frames;
  }

  const next = () => {
    now += 1000;
    if (busy) return [...crowd(), ...chairs.flatMap((c) => (c.ride ? drive(c) : []))];
    const rush = 0.9 + 0.5 * Math.sin((now - began) / 25_000);
    const frames = random() < rush ? [order()] : [];
    if (random() < rush - 0.5) frames.push(order());
    for (const ride of [...rides.values()]) if (ride.status === "MATCHING") frames.push(...match(ride));
    for (const c of chairs) if (c.ride) frames.push(...drive(c));
    return frames;
  };
  return { first: { action: "partial", data: chairs.map(chairRow) }, next };
}

function corner(random, town) {
  const place = () => town + 5 * Math.round(18 * random() - 9);
  return { x: place(), y: place() };
}

// generator is mulberry32.
function generator(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
