import { ChangeDetectionStrategy, Component, inject, signal } from '@angular/core';
import { FormsModule } from '@angular/forms';
import { GatepassSession } from 'gatepass/angular';
import { userMessage } from 'gatepass/user-messages';

@Component({
  selector: 'app-sign-in',
  imports: [FormsModule],
  changeDetection: ChangeDetectionStrategy.OnPush,
  template: `
    <section class="card sign-in">
      <h1>Market watch</h1>
      <form (ngSubmit)="signIn()">
        @if (session.error(); as reason) {
          <p class="quiet">You were signed out. {{ userMessage(reason) }}</p>
        }
        <label>User <input [(ngModel)]="credentials.username" name="username" autocomplete="username" required autofocus></label>
        <label>Password <input [(ngModel)]="credentials.password" name="password" type="password" autocomplete="current-password" required></label>
        <button class="primary" [disabled]="isBusy()">{{ isBusy() ? 'Signing in …' : 'Sign in' }}</button>
        @if (problem(); as text) {
          <p class="error" role="alert">{{ text }}</p>
        }
        <p class="quiet">Try maggie with the password secret, or bob with hunter2.</p>
      </form>
    </section>
  `,
})
export class SignIn {
  protected readonly session = inject(GatepassSession);
  protected readonly credentials = { username: '', password: '' };
  protected readonly problem = signal<string | undefined>(undefined);
  protected readonly isBusy = signal(false);
  protected readonly userMessage = userMessage;

  protected async signIn(): Promise<void> {
    this.isBusy.set(true);
    this.problem.set(undefined);
    try {
      await this.session.login({ ...this.credentials });
    } catch (error) {
      this.problem.set(userMessage(error));
    } finally {
      this.isBusy.set(false);
    }
  }
}
