// How fast messages pass, beside a raw WebSocket in the same page: `cargo xtask message-path` runs it, and says how to use it.

import { launch, server } from './browser.mjs';

const rounds = Number(process.env.GATEPASS_ROUNDS);
const browser = await launch();
const page = await browser.newPage();
await page.goto(server);
console.log('                                                     echo     flood     burst');
const ratios = await page.evaluate(measure, rounds);
for (const [name, row] of Object.entries(ratios))
  console.log(name.padEnd(48), ...row.map((ratio) => ratio.toFixed(3).padStart(9)));
await browser.close();

/** In the page: raw and gatepass in turn, each time the other one first; the median of the rounds' ratios, and their quartiles. */
async function measure(rounds) {
  const { anonymous, AuthSocket, load } = await import('gatepass');
  await load();
  const url = `${location.origin.replace('http', 'ws')}/ws/anonymous/`;
  const socket = new AuthSocket(url, { scheme: anonymous() });
  await socket.ready();
  const raw = new WebSocket(url);
  await new Promise((resolve) => (raw.onopen = resolve));
  const text = 'x'.repeat(120);

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

  const all = [[], [], []];
  for (let round = 0; round <= rounds; round++) {
    const found = {};
    const order =
      round % 2
        ? [
            ['raw', raw],
            ['ours', socket],
          ]
        : [
            ['ours', socket],
            ['raw', raw],
          ];
    for (const [name, each] of order) found[name] = [await echo(each), ...(await burst(each))];
    // The first run is a warm-up.
    if (round > 0) found.ours.forEach((speed, index) => all[index].push(speed / found.raw[index]));
  }
  const at = (part) => all.map((ratios) => ratios.sort((a, b) => a - b)[Math.floor(ratios.length * part)]);
  return {
    'gatepass / raw WebSocket, median': at(0.5),
    'a quarter of the rounds below': at(0.25),
    'a quarter of the rounds above': at(0.75),
  };
}
