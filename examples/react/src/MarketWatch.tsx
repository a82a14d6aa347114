import { useState } from 'react';
import { presets } from 'gatepass';
import { userMessage } from 'gatepass/user-messages';
import { useAuthSocket, useSession } from 'gatepass/react';
import { hear, named, OPENING, order, type Side } from '../../market/market';
import { Quotes } from './Quotes';

export function MarketWatch() {
  const { session, isSignedIn } = useSession();
  const [market, setMarket] = useState(OPENING);
  /** Orders that wait for a connection. */
  const [waiting, setWaiting] = useState(0);
  /** What became of an order, if it is not as it should be. */
  const [problem, setProblem] = useState<string>();
  const { socket, state, retryIn, error, send, reconnect } = useAuthSocket(`${location.origin}/channel/`, {
    ...presets.ticketServerSocket(location.origin),
    onMessage: (data) => setMarket((market) => hear(market, data)),
    onStateChange: ({ unconfirmed }) => {
      if (unconfirmed.length) setProblem(`The connection was lost: ${named(unconfirmed)} may not have arrived.`);
    },
  });

  async function trade(side: Side, symbol: string) {
    setProblem(undefined);
    const text = order(side, symbol);
    try {
      const message = send(text);
      setWaiting((count) => count + 1);
      const status = await socket?.sent(message);
      setWaiting((count) => count - 1);
      if (status === 'dropped') setProblem(`${named([text])} was not sent.`);
    } catch (error) {
      setProblem(`${named([text])} was not taken. ${userMessage(error)}`);
    }
  }

  return (
    <>
      <header className="top">
        <h1>Market watch</h1>
        <span className="badge" role="status" data-state={state}>
          {state}
        </span>
        <button onClick={() => session.logout()}>Sign out</button>
      </header>
      {state !== 'connected' && error && (
        <p className="notice">
          <span>
            {userMessage(error)}
            {retryIn !== undefined && ` Next try in ${retryIn} s.`}
          </span>
          {/* The server takes the token no more, although the session does not know. */}
          {error.disposition === 'signIn' && isSignedIn ? (
            <button onClick={() => session.logout()}>Sign in again</button>
          ) : (
            <button onClick={reconnect}>Try now</button>
          )}
        </p>
      )}
      {problem && (
        <p className="notice" role="alert">
          <span>{problem}</span> <button onClick={() => setProblem(undefined)}>Close</button>
        </p>
      )}
      <div className="columns">
        <Quotes quotes={market.quotes} isStale={state !== 'connected'} trade={trade} />
        <section className="card">
          <h2>Trades</h2>
          {waiting > 0 && (
            <p className="quiet">
              {waiting} {waiting === 1 ? 'order waits' : 'orders wait'} for the connection.
            </p>
          )}
          <ol className="trades">
            {market.trades.map(({ id, who, side, symbol }) => (
              <li key={id}>
                {who} {side === 'buy' ? 'buys' : 'sells'} <strong>{symbol}</strong>
              </li>
            ))}
          </ol>
          {market.trades.length === 0 && <p className="quiet">Nobody has traded yet.</p>}
        </section>
      </div>
    </>
  );
}
