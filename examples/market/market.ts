// What all market watches know of the market: pure, and the same for every framework.

import type { GatepassError } from 'gatepass';
import { json, type SubscribeOptions } from 'gatepass/conversation';
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

/** What messages are, and how the server answers an order. */
export const MESSAGES = { codec: json(), requests: { reply: { type: 'said', id: '$id' } } };

/** What subscribes to the market, and what the server says of it. After a loss it goes on where it was. */
export const JOIN = { type: 'join', room: 'market', since: '$cursor' };
export const NEWS: SubscribeOptions<News> = {
  match: { type: 'news' },
  reply: { type: 'joined' },
  resume: { cursor: 'seq', tooOld: { type: 'gap' } },
};

/** What is asked to buy or to sell. The server tells everybody, and answers. */
export const order = (side: Side, symbol: string) => ({ type: 'say', room: 'market', text: { side, symbol } });

/** The market after news: prices, or a trade. What is not understood changes nothing: a server may learn new words before its clients do. */
export function hear(market: Market, { seq, from, text }: News): Market {
  if (Array.isArray(text)) {
    const prices = new Map(text.map((quote) => [quote?.symbol, quote?.price]));
    const quotes = market.quotes.map((quote) => {
      const price = prices.get(quote.symbol);
      return typeof price === 'number' ? { ...quote, price, history: [...quote.history, price].slice(-60) } : quote;
    });
    return { ...market, quotes };
  }
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

/** What everybody in the room hears. */
export interface News {
  seq: number;
  from?: string;
  /** Prices, or an order; the server looks at neither. */
  text: ({ symbol?: string; price?: number } | null)[] | { side?: string; symbol?: string } | null;
}
