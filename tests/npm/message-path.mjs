// How fast messages pass, beside a raw WebSocket in the same page: `cargo xtask message-path` runs it, and says how to use it.

import { launch, server } from './browser.mjs';

const rounds = Number(process.env.GATEPASS_ROUNDS);
const browser = await launch();
const page = await browser.newPage();
await page.goto(server);
console.log(`${'ratio to a raw WebSocket'.padEnd(53)}echo     flood     burst`);
const ratios = await page.evaluate(measure, rounds);
for (const [name, row] of Object.entries(ratios))
  console.log(name.padEnd(48), ...row.map((ratio) => ratio.toFixed(3).padStart(9)));
await browser.close();

/** In the page: each in turn, every round another one first; the median of the rounds' ratios to a raw WebSocket, and their quartiles. */
async function measure(rounds) {
  const { anonymous, AuthSocket, load } = await import('gatepass');
  await load();
  const url = `${location.origin.replace('http', 'ws')}/ws/anonymous/`;
  const socket = new AuthSocket(url, { scheme: anonymous() });
  await socket.ready();
  const raw = new WebSocket(url);
  await new Promise((resolve) => (raw.onopen = resolve));
  const text = 'x'.repeat(120);

  /** What any class costs that fires events of its own: a raw WebSocket, and a second event for each message. */
  class Twice extends EventTarget {
    #raw = new WebSocket(url);
    #handler;
    constructor() {
      super();
      this.#raw.onmessage = ({ data }) => this.dispatchEvent(new MessageEvent('message', { data }));
      this.isOpen = new Promise((resolve) => (this.#raw.onopen = resolve));
    }
    send(data) {
      this.#raw.send(data);
    }
    set onmessage(handler) {
      this.removeEventListener('message', this.#handler);
      this.addEventListener('message', (this.#handler = handler));
    }
  }
  const twice = new Twice();
  await twice.isOpen;

  /** Messages there and back, one at a time; per second. */
  const echo = (socket, count = 2_000) =>
    new Promise((resolve) => {
      const start = performance.now();
      let left = count;
      socket.onmessage = () => (--left ? socket.send(text) : resolve(count / (performance.now() - start)));
      socket.send(text);
    });
  /** All at once: how many are handed over, and how many come back, in a time. */
  const burst = (socket, count = 20_000) =>
    new Promise((resolve) => {
      let left = count;
      const start = performance.now();
      let handed;
      socket.onmessage = () => --left || resolve([count / (performance.now() - start), count / (handed - start)]);
      for (let index = 0; index < count; index++) socket.send(text);
      handed = performance.now();
    });

  const contestants = [
    ['raw WebSocket', raw],
    ['gatepass', socket],
    ['a second event per message', twice],
  ];
  const ratios = new Map(contestants.slice(1).map(([name]) => [name, [[], [], []]]));
  for (let round = 0; round <= rounds; round++) {
    const found = {};
    const first = round % contestants.length;
    for (const [name, each] of [...contestants.slice(first), ...contestants.slice(0, first)])
      found[name] = [await echo(each), ...(await burst(each))];
    // The first run is a warm-up.
    if (round === 0) continue;
    for (const [name, columns] of ratios)
      found[name].forEach((speed, index) => columns[index].push(speed / found['raw WebSocket'][index]));
  }
  const rows = {};
  for (const [name, columns] of ratios) {
    for (const column of columns) column.sort((a, b) => a - b);
    const at = (part) => columns.map((column) => column[Math.floor(column.length * part)]);
    rows[`${name}: median`] = at(0.5);
    rows[`${name}: lower quartile`] = at(0.25);
    rows[`${name}: upper quartile`] = at(0.75);
  }
  return rows;
}
