// What the checks look at: what calls throw, and which events fire.

/** What a call returns or throws; of an exception its kind and name. */
export async function outcome(call) {
  try {
    return await call();
  } catch (thrown) {
    return `throws ${thrown?.constructor?.name} ${thrown?.name}`;
  }
}

export const until = (socket, type) => new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));

/** Every event of a socket with its state, until `close`. */
export async function life(socket, log = []) {
  for (const type of ['open', 'message', 'error', 'close'])
    socket.addEventListener(type, (event) => {
      const { code, reason, wasClean } = event;
      const details = type === 'close' ? ` ${code} "${reason}" ${wasClean}` : '';
      log.push(`${type} ${event.constructor.name} ${socket.readyState}${details}`);
    });
  await until(socket, 'close');
  return log;
}

export const opened = async (Class, url, ...more) => {
  const socket = new Class(url, ...more);
  await until(socket, 'open');
  return socket;
};

/** A value as text, also of bytes. */
export async function shown(data) {
  if (typeof data === 'string') return `text ${data.length > 40 ? data.length : JSON.stringify(data)}`;
  const bytes = new Uint8Array(data instanceof Blob ? await data.arrayBuffer() : data);
  return `${data.constructor.name} ${bytes.length > 40 ? bytes.length : bytes.join()}`;
}

export const descriptor = (object, name) => {
  const { value, get, set, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(object, name) ?? {};
  const kind =
    get || set ? `${get?.name}/${set?.name}` : typeof value === 'function' ? `${value.name}(${value.length})` : value;
  return [kind, writable, enumerable, configurable].join(' ');
};
