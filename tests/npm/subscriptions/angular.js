import '@angular/compiler';
import { Component, inject, provideZonelessChangeDetection, signal } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import { presets, Session } from 'gatepass';
import { json } from 'gatepass/conversation';
import { GatepassSocket, provideGatepass, subscription } from 'gatepass/angular';

export async function start({ server, session, roomOf, ASK }) {
  class Room {
    #room = signal('');
    news = subscription(
      inject(GatepassSocket),
      () => this.#room() && roomOf(this.#room())[0],
      () => roomOf(this.#room())[1],
    );
    constructor() {
      this.news.messages.subscribe(({ text }) => heard.push(`${this.name} ${text}`));
    }
    set room(room) {
      this.#room.set(room);
    }
    get room() {
      return this.#room();
    }
  }
  Component({
    selector: 'app-room',
    inputs: ['name', 'room'],
    template: `<p [id]="name">{{ room }} {{ news.isReady() ? 'ready' : 'waits' }} {{ news.data()?.text }} {{ news.error()?.code }}</p>`,
  })(Room);
  class App {
    rooms = signal({ one: 'a', two: 'a' });
    constructor() {
      const socket = inject(GatepassSocket);
      Object.assign(globalThis, {
        setRooms: (next) => this.rooms.set(next),
        request: (message, options) => socket.request(message, options),
      });
    }
  }
  Component({
    selector: 'app-root',
    imports: [Room],
    template: `<app-room name="one" [room]="rooms().one"/> @if (rooms().two) { <app-room name="two" [room]="rooms().two"/> }`,
  })(App);
  document.body.append(document.createElement('app-root'));
  const app = await bootstrapApplication(App, {
    providers: [
      provideZonelessChangeDetection(),
      provideGatepass({
        session,
        socket: { url: `${server}/ws/rooms/`, ...presets.ticketServerSocket(server), codec: json(), requests: ASK },
      }),
    ],
  });
  return () => app.destroy();
}
export { presets, Session };
