// The server's answer to a refused login. Loaded when that happens.

/** @internal Parses an answer, and redacts values of the request that it quotes. Names of members stay. Undefined if it is not JSON. */
export function detailsOf(answer: string | undefined, sent: unknown): unknown {
  const quoted = new Set<string>();
  JSON.stringify(sent, (_, value) => {
    if (typeof value !== 'string' && typeof value !== 'number') return value;
    const text = String(value);
    // Plain, as in JSON within a string, and as in a URL.
    for (const form of [text, JSON.stringify(text).slice(1, -1), encodeURIComponent(text)]) form && quoted.add(form);
    return value;
  });
  // The longest first, because it may contain a shorter one.
  const forms = [...quoted]
    .sort((a, b) => b.length - a.length)
    .map((form) => form.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
  // Whole words alone: a password such as "invalid" must not hide a code such as "invalid_password".
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}_-])(${forms.join('|')})(?![\\p{L}\\p{N}_-])`, 'gu');
  const without = (text: string) => (quoted.has(text) ? '…' : forms.length > 0 ? text.replace(pattern, '…') : text);
  const redacted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(redacted);
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([name, value]) => [name, redacted(value)]));
    if (typeof value === 'number') return quoted.has(String(value)) ? '…' : value;
    return typeof value === 'string' ? without(value) : value;
  };
  try {
    return redacted(JSON.parse(answer!));
  } catch {
    return undefined;
  }
}
