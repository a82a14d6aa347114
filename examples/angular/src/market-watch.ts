import { ChangeDetectionStrategy, Component, inject, signal } from '@angular/core';
import { presets } from 'gatepass';
import { GatepassSession, injectAuthSocket, subscription } from 'gatepass/angular';
import { userMessage } from 'gatepass/user-messages';
import * as Market from '../../market/market';

@Component({
  selector: 'app-market-watch',
  host: { style: 'display: contents' },
  changeDetection: ChangeDetectionStrategy.OnPush,
  template: `
    <header class="top">
      <h1>Market watch</h1>
      <span class="badge" role="status" [attr.data-state]="socket.state()">{{ socket.state() }}</span>
      <button (click)="session.logout()">Sign out</button>
    </header>
    @if (socket.state() !== 'connected' && socket.error(); as error) {
      <p class="notice">
        <span>{{ userMessage(error) }}@if (socket.retryIn() !== undefined) { Next try in {{ socket.retryIn() }} s.}</span>
        <!-- The server takes the token no more, although the session does not know. -->
        @if (error.disposition === 'signIn' && session.isSignedIn()) {
          <button (click)="session.logout()">Sign in again</button>
        } @else {
          <button (click)="socket.reconnect()">Try now</button>
        }
      </p>
    }
    @if (problem(); as text) {
      <p class="notice" role="alert"><span>{{ text }}</span> <button (click)="problem.set(undefined)">Close</button></p>
    }
    <div class="columns">
      <section class="card" [class.stale]="socket.state() !== 'connected'">
        <table>
          <caption>Quotes</caption>
          <thead>
            <tr><th scope="col">Share</th><th scope="col" class="wide-only">A minute</th><th scope="col" class="number">Price</th><th scope="col" class="number">Change</th><th></th></tr>
          </thead>
          <tbody>
            @for (quote of market().quotes; track quote.symbol) {
              <tr>
                <th scope="row">{{ quote.symbol }} <span class="name">{{ quote.name }}</span></th>
                <td class="wide-only" [class]="trend(quote)">
                  <svg class="line" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true"><polyline [attr.points]="points(quote)" /></svg>
                </td>
                <td class="number">{{ price(quote) }}</td>
                <td class="number" [class]="trend(quote)">{{ change(quote) }}</td>
                <td>
                  <div class="buttons">
                    <button [attr.aria-label]="'Buy ' + quote.symbol" (click)="trade('buy', quote.symbol)">Buy</button>
                    <button [attr.aria-label]="'Sell ' + quote.symbol" (click)="trade('sell', quote.symbol)">Sell</button>
                  </div>
                </td>
              </tr>
            }
          </tbody>
        </table>
      </section>
      <section class="card">
        <h2>Trades</h2>
        @if (waiting()) {
          <p class="quiet">{{ waiting() }} {{ waiting() === 1 ? 'order waits' : 'orders wait' }} for the connection.</p>
        }
        <ol class="trades">
          @for (trade of market().trades; track trade.id) {
            <li>{{ trade.who }} {{ trade.side === 'buy' ? 'buys' : 'sells' }} <strong>{{ trade.symbol }}</strong></li>
          }
        </ol>
        @if (!market().trades.length) {
          <p class="quiet">Nobody has traded yet.</p>
        }
      </section>
    </div>
  `,
})
export class MarketWatch {
  protected readonly session = inject(GatepassSession);
  protected readonly socket = injectAuthSocket(`${location.origin}/ws/rooms/`, {
    ...presets.ticketServerSocket(location.origin),
    ...Market.MESSAGES,
  });
  protected readonly market = signal(Market.OPENING);
  /** Orders that wait for a connection, and an answer. */
  protected readonly waiting = signal(0);
  /** What became of an order, if it is not as it should be. */
  protected readonly problem = signal<string | undefined>(undefined);
  protected readonly userMessage = userMessage;
  protected readonly change = Market.change;
  protected readonly points = Market.points;
  protected readonly price = Market.price;
  protected readonly trend = Market.trend;

  constructor() {
    const { messages } = subscription(this.socket, Market.JOIN, Market.NEWS);
    messages.subscribe((news) => this.market.update((market) => Market.hear(market, news)));
  }

  protected async trade(side: Market.Side, symbol: string): Promise<void> {
    this.problem.set(undefined);
    this.waiting.update((count) => count + 1);
    try {
      await this.socket.request(Market.order(side, symbol));
    } catch (error) {
      this.problem.set(Market.failed(side, symbol, error));
    }
    this.waiting.update((count) => count - 1);
  }
}
