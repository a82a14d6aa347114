// What it is compared with: a WebSocket as many apps open it, with the token in its URL.

/** It connects once. Nobody opens it again. */
export class Bare {
  /** Messages that it could not send. */
  lost = 0;
  state = 'idle';
  /** The close code, once it is lost. */
  code;
  #socket;
  #show;

  /** @param {(bare: Bare) => void} show */
  constructor(show) {
    this.#show = show;
  }

  open(url) {
    this.#socket?.close();
    const socket = (this.#socket = new WebSocket(url));
    this.#tell(socket, 'connecting');
    socket.onopen = () => this.#tell(socket, 'connected');
    socket.onclose = ({ code }) => this.#tell(socket, 'lost', code);
  }

  send(text) {
    if (this.#socket?.readyState === WebSocket.OPEN) return this.#socket.send(text);
    this.lost++;
    this.#show(this);
  }

  /** What it hears next. */
  heard() {
    return new Promise((resolve) =>
      this.#socket.addEventListener('message', ({ data }) => resolve(data), { once: true }),
    );
  }

  #tell(socket, state, code) {
    if (socket !== this.#socket) return;
    this.state = state;
    this.code = code;
    this.#show(this);
  }
}
