// Runs of the bench, as its history file has them: a record of JSON on each line.

export interface Run {
  started: number; // in milliseconds
  score: number;
  pass: boolean;
  errors: number;
}

// readRuns passes over lines that are no record: a crash may have left half of one.
export function readRuns(text: string): Run[] {
  const runs: Run[] = [];
  for (const line of text.split("\n")) {
    try {
      const { started, score, passed, error_count: errors } = JSON.parse(line);
      const at = Date.parse(started);
      if (typeof score === "number" && !Number.isNaN(at)) runs.push({ started: at, score, pass: passed === true, errors: Number(errors) || 0 });
    } catch {
      // no record
    }
  }
  return runs.sort((a, b) => a.started - b.started);
}
