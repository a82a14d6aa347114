import { provideZonelessChangeDetection } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import { presets } from 'gatepass';
import { provideGatepass } from 'gatepass/angular';
import { App } from './app';

bootstrapApplication(App, {
  providers: [
    provideZonelessChangeDetection(),
    // Over a reload, for this tab alone.
    provideGatepass({ session: { ...presets.simpleJwt(`${location.origin}/api`), store: 'sessionStorage' } }),
  ],
}).catch((error: unknown) => console.error(error));
