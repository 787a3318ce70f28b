// What the browser keeps between two visits.

// kept returns an entry of localStorage. One that is damaged, or that another release has left with other
// members, is as good as none: it must not keep the page from being drawn.
export function kept<T extends object>(name: string, members: readonly (keyof T & string)[]): T | null {
  try {
    const value = JSON.parse(localStorage.getItem(name) ?? "null");
    return members.every((m) => value[m] !== undefined) ? value : null;
  } catch {
    return null;
  }
}
