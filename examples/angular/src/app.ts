import { ChangeDetectionStrategy, Component, inject } from '@angular/core';
import { GatepassSession } from 'gatepass/angular';
import { MarketWatch } from './market-watch';
import { SignIn } from './sign-in';

@Component({
  selector: 'app-root',
  imports: [MarketWatch, SignIn],
  changeDetection: ChangeDetectionStrategy.OnPush,
  template: `
    <main class="app">
      @if (!session.isSignedIn() && !session.isLoading()) {
        <app-sign-in />
      }
      <!-- It stays while a session that has ended is renewed by hand, so that orders wait for their user. With it, its socket comes and goes. -->
      @if (session.isSignedIn() || session.state() === 'expired') {
        <app-market-watch />
      }
    </main>
  `,
})
export class App {
  protected readonly session = inject(GatepassSession);
}
