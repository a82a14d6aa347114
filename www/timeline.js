// What has happened in the last seconds, drawn over time.

const SPAN = 40_000;
const LANES = ['bare WebSocket', 'gatepass', 'token', 'tries', 'messages'];
const HEIGHT = 30;
const SVG = 'http://www.w3.org/2000/svg';

export class Timeline {
  #svg;
  /** States by lane, the oldest first: [since, state]. */
  #states = LANES.map(() => []);
  /** [time, lane, kind] */
  #marks = [];
  #width = 0;

  constructor(svg) {
    this.#svg = svg;
    new ResizeObserver(() => this.draw()).observe(svg);
    setInterval(() => document.hidden || this.draw(), 200);
  }

  state(lane, state) {
    const states = this.#states[LANES.indexOf(lane)];
    if (states.at(-1)?.[1] !== state) states.push([performance.now(), state]);
    this.draw();
  }

  /** @param {'try' | 'ticket' | 'queued' | 'delivered' | 'lost'} kind */
  mark(lane, kind) {
    this.#marks.push([performance.now(), LANES.indexOf(lane), kind]);
    this.draw();
  }

  draw() {
    const now = performance.now();
    const start = now - SPAN;
    const width = (this.#width = this.#svg.clientWidth || this.#width || 600);
    const left = width < 500 ? 0 : 120;
    const x = (time) => left + ((Math.max(time, start) - start) / SPAN) * (width - left);
    this.#marks = this.#marks.filter(([time]) => time > start);
    const made = (name, attributes, text) => {
      const element = document.createElementNS(SVG, name);
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
      if (text !== undefined) element.textContent = text;
      return element;
    };
    const shapes = [];
    for (const seconds of [30, 20, 10]) {
      const at = x(now - seconds * 1_000);
      shapes.push(made('line', { class: 'grid', x1: at, x2: at, y1: 14, y2: LANES.length * HEIGHT + 14 }));
      shapes.push(made('text', { class: 'quiet', x: at, y: 10, 'text-anchor': 'middle' }, `${seconds} s ago`));
    }
    LANES.forEach((lane, index) => {
      const top = 14 + index * HEIGHT;
      // On a phone the name stands in its lane.
      shapes.push(made('text', { class: 'lane', x: 0, y: top + (left ? 19 : 10) }, lane));
      const states = this.#states[index];
      while (states.length > 1 && states[1][0] < start) states.shift();
      states.forEach(([since, state], at) => {
        const [from, to] = [x(since), x(states[at + 1]?.[0] ?? now)];
        if (to > from) {
          const box = {
            class: 'state',
            'data-state': state,
            x: from,
            y: top + 12,
            width: to - from,
            height: 10,
            rx: 2,
          };
          shapes.push(made('rect', box));
        }
      });
      for (const [time, lane, kind] of this.#marks)
        if (lane === index) shapes.push(made('circle', { class: `mark ${kind}`, cx: x(time), cy: top + 17, r: 4 }));
    });
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${LANES.length * HEIGHT + 18}`);
    this.#svg.replaceChildren(...shapes);
  }
}
