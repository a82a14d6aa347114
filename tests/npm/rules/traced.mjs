// Writes down what is asked of the rules of a conversation, and what they do: the machine for Rust has to do the same (tests/npm/rules/replay.rs).

/** A class like `Rules` whose calls are told: `[what, …values]`, the time, and what came of it. */
export function traced(Rules, tell) {
  return class extends Rules {
    #depth = 0;
    #out;
    #now;
    /** Holders by number, as the world has them, and as the rules do. */
    #holders = new Map();
    /** What was handed to the socket, by request, and what was told of it. */
    #handed = new Map();

    constructor(port, max, resume) {
      const out = [];
      const handed = new Map();
      super(
        {
          ...port,
          say(connection, message) {
            out.push(['say', connection, message]);
            port.say(connection, message);
          },
          send(message) {
            const sent = port.send(message);
            handed.set(message.what, { sent, told: stateOf(sent) });
            out.push(['send', message.what, message, stateOf(sent)]);
            return sent;
          },
          deliver(message, holders) {
            out.push(['deliver', message, holders.map(({ number }) => number)]);
            port.deliver(
              message,
              holders.map(({ of }) => of),
            );
          },
          resumed(isWhole, message, key) {
            out.push(['resumed', isWhole, message, key ?? null]);
            port.resumed(isWhole, message, key);
          },
        },
        max,
        resume,
      );
      this.#out = out;
      this.#handed = handed;
      this.#now = port.now;
      tell(['new', max, resume ?? null], 0, []);
      const { requests } = this;
      const add = requests.add.bind(requests);
      const timeout = requests.timeout.bind(requests);
      requests.timeout = () => this.#call(['timeout'], timeout);
      requests.add = (message, options, settle) =>
        this.#call(['request', message.what, message, options], () => {
          const abort = add(message, options, (error, answer) => {
            // Nobody waits for what was aborted.
            if (error?.code !== 'ABORTED')
              this.#out.push(['answered', message.what, error?.code ?? null, error?.fate ?? null, answer ?? null]);
            settle(error, answer);
          });
          return (error) => this.#call(['abort', message.what], () => abort(error));
        });
    }

    #call(what, call) {
      if (this.#depth > 0) return call();
      this.#depth++;
      for (const [request, kept] of this.#handed) {
        const state = stateOf(kept.sent);
        if (state === kept.told) continue;
        kept.told = state;
        tell(['handed', request, state], this.#now(), undefined);
      }
      try {
        return call();
      } catch (error) {
        this.#out.push(['answered', what[1], error.code, null, null]);
        throw error;
      } finally {
        this.#depth--;
        tell(structuredClone(what), this.#now(), structuredClone(this.#out.splice(0)), this.requests.deadline ?? null);
      }
    }

    joining(connection) {
      this.#call(['joining', connection], () => super.joining(connection));
    }

    connected() {
      this.#call(['connected'], () => super.connected());
    }

    lost() {
      this.#call(['lost'], () => super.lost());
    }

    gone(connection) {
      this.#call(['gone', connection], () => super.gone(connection));
    }

    changeUser() {
      this.#call(['changeUser'], () => super.changeUser());
    }

    received(message, from) {
      this.#call(['received', from, message], () => super.received(message, from));
    }

    sweep() {
      this.#call(['sweep'], () => super.sweep());
    }

    subscribe(message, options, of) {
      const number = this.#holders.size + 1;
      const holder = {
        number,
        of,
        joined: () => {
          this.#out.push(['joined', number]);
          of.joined();
        },
        end: (error) => {
          this.#out.push(['ended', number, error?.code ?? null]);
          of.end(error);
        },
      };
      this.#holders.set(of, holder);
      this.#call(['subscribe', number, message, options], () => super.subscribe(message, options, holder));
    }

    leave(of) {
      const holder = this.#holders.get(of);
      this.#call(['leave', holder.number], () => super.leave(holder));
    }
  };
}

/** How far a message has come, in the words of the machine. */
function stateOf({ status, waiting }) {
  if (status === 'sent') return waiting ? 'unconfirmed' : 'sent';
  return status;
}
