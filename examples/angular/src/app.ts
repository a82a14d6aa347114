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
      <!-- With it, its socket comes and goes. -->
      @if (session.isSignedIn()) {
        <app-market-watch />
      } @else {
        <app-sign-in />
      }
    </main>
  `,
})
export class App {
  protected readonly session = inject(GatepassSession);
}
