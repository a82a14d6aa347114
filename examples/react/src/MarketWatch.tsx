import { useState } from 'react';
import { presets } from 'gatepass';
import { userMessage } from 'gatepass/user-messages';
import { useAuthSocket, useSession, useSubscription } from 'gatepass/react';
import { failed, hear, JOIN, MESSAGES, NEWS, OPENING, order, type Side } from '../../market/market';
import { Quotes } from './Quotes';

export function MarketWatch() {
  const { session, isSignedIn } = useSession();
  const { socket, state, retryIn, error, request, reconnect } = useAuthSocket(`${location.origin}/ws/rooms/`, {
    ...presets.ticketServerSocket(location.origin),
    ...MESSAGES,
  });
  const [market, setMarket] = useState(OPENING);
  useSubscription(socket, JOIN, { ...NEWS, onMessage: (news) => setMarket((market) => hear(market, news)) });
  /** Orders that wait for a connection, and an answer. */
  const [waiting, setWaiting] = useState(0);
  /** What became of an order, if it is not as it should be. */
  const [problem, setProblem] = useState<string>();

  async function trade(side: Side, symbol: string) {
    setProblem(undefined);
    setWaiting((count) => count + 1);
    try {
      await request(order(side, symbol));
    } catch (error) {
      setProblem(failed(side, symbol, error));
    }
    setWaiting((count) => count - 1);
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
