import { change, points, price, trend, type Quote, type Side } from '../../market/market';

interface Props {
  quotes: Quote[];
  isStale: boolean;
  trade(side: Side, symbol: string): void;
}

export function Quotes({ quotes, isStale, trade }: Props) {
  return (
    <section className={isStale ? 'card stale' : 'card'}>
      <table>
        <caption>Quotes</caption>
        <thead>
          <tr>
            <th scope="col">Share</th>
            <th scope="col" className="wide-only">
              A minute
            </th>
            <th scope="col" className="number">
              Price
            </th>
            <th scope="col" className="number">
              Change
            </th>
            <th></th>
          </tr>
        </thead>
        <tbody>
          {quotes.map((quote) => (
            <tr key={quote.symbol}>
              <th scope="row">
                {quote.symbol} <span className="name">{quote.name}</span>
              </th>
              <td className={`wide-only ${trend(quote)}`}>
                <svg className="line" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
                  <polyline points={points(quote)} />
                </svg>
              </td>
              <td className="number">{price(quote)}</td>
              <td className={`number ${trend(quote)}`}>{change(quote)}</td>
              <td>
                <div className="buttons">
                  <button aria-label={`Buy ${quote.symbol}`} onClick={() => trade('buy', quote.symbol)}>
                    Buy
                  </button>
                  <button aria-label={`Sell ${quote.symbol}`} onClick={() => trade('sell', quote.symbol)}>
                    Sell
                  </button>
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
