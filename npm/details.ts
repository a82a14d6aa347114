// The server's answer to a refused login. Loaded when that happens.

/** @internal Parses an answer, and redacts values of the request that it quotes. Names of members stay. Undefined if it is not JSON. */
export function detailsOf(answer: string | undefined, sent: unknown, constants: unknown): unknown {
  const quoted = new Set<string>();
  const collect = (values: unknown, least: number) =>
    JSON.stringify(values, (_, value) => {
      const text = String(value);
      // A small number is a count, and a short constant of the app a word, such as "email".
      const isSecret = typeof value === 'string' ? text.length >= least : typeof value === 'number' && text.length > 3;
      if (!isSecret) return value;
      const url = encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'));
      const form = url.replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
      // Plain, as in JSON within a string, as in a URL, and as in a form.
      for (const quote of [text, JSON.stringify(text).slice(1, -1), url, form]) quoted.add(quote);
      return value;
    });
  collect(sent, 1);
  collect(constants, 8);
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
