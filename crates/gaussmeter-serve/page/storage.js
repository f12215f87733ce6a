/** What this browser remembers; nothing, where storage is not allowed. */

export function remembered(key) {
  try {
    return localStorage.getItem(`gaussmeter-${key}`);
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(`gaussmeter-${key}`, value);
  } catch {
    // Then it is asked again next time.
  }
}
