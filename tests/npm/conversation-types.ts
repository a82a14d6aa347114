// The types of a conversation: this file compiles under --strict and is never run.

import { anonymous, AuthSocket, type GatepassError, type SentMessage } from 'gatepass';
import { codec, json, type StandardSchema, type Subscription } from 'gatepass/conversation';

type Heard = { type: 'news'; room: string; text: string };
type Said = { type: 'join' | 'say'; room: string; text?: string };
declare const heard: StandardSchema<unknown, Heard>;
declare const said: StandardSchema<Said>;

async function walk(): Promise<void> {
  const byTypes = new AuthSocket('wss://a.example', { scheme: anonymous(), codec: json<Heard, Said>() });
  const bySchemas = new AuthSocket('wss://a.example', {
    scheme: anonymous(),
    codec: json({ receive: heard, send: said }),
    onConnected: (send, { cursor }) => send({ type: 'say', room: 'a', text: String(cursor) }),
    requests: { id: 'id', timeout: 5_000, max: 10 },
    resume: { cursor: 'seq', tooOld: { type: 'gap' }, store: 'sessionStorage' },
  });
  for (const socket of [byTypes, bySchemas]) {
    const sent: SentMessage = socket.send({ type: 'say', room: 'a', text: 'hello' });
    socket.onmessage = ({ data }) => console.log(data.text, sent.status);
    for await (const { text } of socket) console.log(text.length);
    const room: Subscription<Heard> = socket.subscribe(
      { type: 'join', room: 'a' },
      { match: ({ room }) => room === 'a', leave: { type: 'say', room: 'a' } },
    );
    await room.ready;
    for await (const { room: name } of room) console.log(name.length);
    const answer: { total: number } = await socket.request<{ total: number }>(
      { type: 'say', room: 'a' },
      { resend: true },
    );
    console.log(answer.total);
    await socket
      .request({ type: 'say', room: 'a' })
      .catch((error: GatepassError) => console.log(error.fate === 'never-sent'));
    socket.addEventListener('messageerror', ({ issues, error }) => console.log(issues[0]?.path, error.code));
    socket.addEventListener('gap', ({ key }) => console.log(key));
    const end: () => void = socket.subscribe(({ state }) => console.log(state));
    end();
    // @ts-expect-error: this is not said here
    socket.send({ type: 'leave', room: 'a' });
    // @ts-expect-error: a subscription says which messages are its own
    socket.subscribe({ type: 'join', room: 'a' }, {});
  }
  const bytes = codec({
    receive: (data) => (typeof data === 'string' ? undefined : data.byteLength),
    send: (size: number) => new Uint8Array(size),
  });
  const socket = new AuthSocket('wss://a.example', { scheme: anonymous(), codec: bytes });
  socket.send(3);
  // @ts-expect-error: only numbers are sent
  socket.send('3');
  const plain = new AuthSocket('wss://a.example', { scheme: anonymous() });
  plain.send('text');
  // @ts-expect-error: without a codec objects are not sent
  plain.send({ type: 'say' });
}

walk().catch(console.error);
