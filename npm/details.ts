// The server's answer to a refused login. Loaded when that happens.

/** @internal Parses an answer and redacts what it quotes of the request. Undefined if it is not JSON. */
export function detailsOf(answer: string | undefined, sent: unknown): unknown {
  const quoted = new Set<string>();
  // The names of the fields are not secret, and a form needs them.
  const names = new Set<string>();
  JSON.stringify(sent, (name, value) => {
    names.add(name);
    if (typeof value !== 'string' && typeof value !== 'number') return value;
    const text = String(value);
    // Plain, as in JSON within a string, and as in a URL.
    for (const form of [text, JSON.stringify(text).slice(1, -1), encodeURIComponent(text)]) form && quoted.add(form);
    return value;
  });
  // The longest first, because it may contain a shorter one.
  const forms = [...quoted].sort((a, b) => b.length - a.length);
  const without = (text: string) => forms.reduce((text, form) => text.replaceAll(form, '…'), text);
  const redacted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(redacted);
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(
        Object.entries(value).map(([name, value]) => [names.has(name) ? name : without(name), redacted(value)]),
      );
    if (typeof value === 'number') return quoted.has(String(value)) ? '…' : value;
    return typeof value === 'string' ? without(value) : value;
  };
  try {
    return redacted(JSON.parse(answer!));
  } catch {
    return undefined;
  }
}
