// What both market watches know of the market: pure, and the same for every framework.

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

/** The market after a message. What is not understood changes nothing: a server may learn new words before its clients do. */
export function hear(market: Market, data: unknown): Market {
  const message = parse(data);
  if (message?.type === 'quotes' && Array.isArray(message.quotes)) {
    const prices = new Map(message.quotes.map(({ symbol, price }) => [symbol, price]));
    const quotes = market.quotes.map((quote) => {
      const price = prices.get(quote.symbol);
      return typeof price === 'number' ? { ...quote, price, history: [...quote.history, price].slice(-60) } : quote;
    });
    return { ...market, quotes };
  }
  if (message?.type === 'broadcast' && (message.side === 'buy' || message.side === 'sell') && message.symbol) {
    const trade: Trade = {
      id: (market.trades[0]?.id ?? 0) + 1,
      who: message.from ?? 'somebody',
      side: message.side,
      symbol: message.symbol,
    };
    return { ...market, trades: [trade, ...market.trades].slice(0, 6) };
  }
  return market;
}

/** What is sent to buy or to sell: the server passes it on to everybody. */
export function order(side: Side, symbol: string): string {
  return JSON.stringify({ type: 'broadcast', side, symbol });
}

/** Orders as a person would name them. */
export function named(orders: unknown[]): string {
  return orders
    .map(parse)
    .map((order) => `${order?.side ?? 'something'} ${order?.symbol ?? ''}`.trim())
    .join(', ');
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

interface Message {
  type?: string;
  quotes?: { symbol?: string; price?: number }[];
  side?: string;
  symbol?: string;
  from?: string;
}

function parse(data: unknown): Message | undefined {
  try {
    return JSON.parse(String(data)) as Message;
  } catch {
    return undefined;
  }
}
