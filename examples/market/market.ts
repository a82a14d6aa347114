// What all market watches know of the market: pure, and the same for every framework.

import type { GatepassError } from 'gatepass';
import type { SocketRequestOptions, SubscribeOptions } from 'gatepass/conversation';
import { userMessage } from 'gatepass/user-messages';

export interface Quote {
  symbol: string;
  name: string;
  price: number;
  /** The prices of the last minute, oldest first. */
  history: number[];
}

export interface Trade {
  id: number;
  who: string;
  side: Side;
  symbol: string;
}

export type Side = 'buy' | 'sell';

export interface Market {
  quotes: Quote[];
  /** The newest first. */
  trades: Trade[];
}

const LISTED = { ACME: 'Acme Anvils', CYBR: 'Cyberdyne', HOOL: 'Hooli', INIT: 'Initech', WAYN: 'Wayne Enterprises' };

/** Before anything was heard. */
export const OPENING: Market = {
  quotes: Object.entries(LISTED).map(([symbol, name]) => ({ symbol, name, price: NaN, history: [] })),
  trades: [],
};

/** What subscribes to a room of the server. After a loss it goes on where it was. */
export const join = (room: string) => ({ type: 'join', room, since: '$cursor' });

/** Its news, and what else the server says of it. */
export const room = (room: string): SubscribeOptions<News> => ({
  match: { type: 'news', room },
  reply: { type: 'joined', room },
  leave: { type: 'leave', room },
  resume: { cursor: 'seq', tooOld: { type: 'gap', room } },
});

/** What is asked to buy or to sell. The server says it to everybody in the room, and answers. */
export const order = (side: Side, symbol: string) => ({ type: 'say', room: 'trades', text: { side, symbol } });

/** How the server answers an order. */
export const ANSWERS: SocketRequestOptions = { reply: { type: 'said', id: '$id' } };

/** The market after new prices. What is not understood changes nothing: a server may learn new words before its clients do. */
export function quoted(market: Market, { text }: News): Market {
  if (!Array.isArray(text)) return market;
  const prices = new Map(text.map((quote) => [quote?.symbol, quote?.price]));
  const quotes = market.quotes.map((quote) => {
    const price = prices.get(quote.symbol);
    return typeof price === 'number' ? { ...quote, price, history: [...quote.history, price].slice(-60) } : quote;
  });
  return { ...market, quotes };
}

/** The market after a trade. */
export function traded(market: Market, { seq, from, text }: News): Market {
  if ((text?.side !== 'buy' && text?.side !== 'sell') || !text.symbol) return market;
  const trade: Trade = { id: seq, who: from ?? 'somebody', side: text.side, symbol: text.symbol };
  return { ...market, trades: [trade, ...market.trades].slice(0, 6) };
}

/** What became of an order without an answer. */
export function failed(side: Side, symbol: string, error: unknown): string {
  const { fate } = error as GatepassError;
  if (fate === 'maybe-arrived') return `The connection was lost: ${side} ${symbol} may not have arrived.`;
  return `${side} ${symbol} was not taken. ${userMessage(error)}`;
}

export function price(quote: Quote): string {
  return Number.isNaN(quote.price) ? '–' : quote.price.toFixed(2);
}

/** By how much it has changed within the minute: `+1.25 %`. */
export function change({ price, history }: Quote): string {
  const first = history[0];
  if (first === undefined) return '';
  const percent = (price / first - 1) * 100;
  return `${percent < 0 ? '−' : '+'}${Math.abs(percent).toFixed(2)} %`;
}

/** Where it goes, for a colour. */
export function trend({ history }: Quote): 'up' | 'down' | 'flat' {
  const [last = 0, before = last] = history.slice(-2).reverse();
  return last > before ? 'up' : last < before ? 'down' : 'flat';
}

/** The history as `points` of a polyline in a box of 100 by 24. */
export function points({ history }: Quote): string {
  const low = Math.min(...history);
  const range = Math.max(...history) - low || 1;
  return history
    .map((price, index) => `${((index / 59) * 100).toFixed(1)},${(22 - ((price - low) / range) * 20).toFixed(1)}`)
    .join(' ');
}

/** News of a room. */
export interface News {
  seq: number;
  from?: string;
  text: any;
}
