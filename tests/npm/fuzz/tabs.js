// Tabs of one browser: each has a session of its own, all have one store, its channel and its locks.
//
// Whatever they do, in the end they agree: on who is signed in, or that nobody is, and then nothing is left. A refresh token is used once.

import { Ground } from './ground.js';
import { Session, presets } from './package.js';
import { USERS } from './run.js';
import { SECRET, userOf } from './server.js';
import { drain } from './surroundings.js';

const STEPS = 50;

export class TabsRun extends Ground {
  constructor(seed, log) {
    super(seed, log);
    this.isRefusing = this.dice.is(0.3);
    this.options = {
      ...presets.simpleJwt('https://api.test'),
      login: { url: 'https://api.test/login' },
      refresh: { url: 'https://api.test/refresh' },
      store: 'localStorage',
      storeKey: 'tabs',
    };
    this.server.hasRefresh = true;
    this.tabs = [];
  }

  open(place) {
    const session = new Session(this.options);
    session.addEventListener('change', ({ state, error }) => {
      this.note(`tab ${place}: ${state} ${error?.code ?? ''}`);
      this.judge(error, `tab ${place}`);
      if (!this.isOver && this.dice.is(0.05)) this.act(place, '  from change: ');
    });
    session.addEventListener('error', ({ error }) => this.judge(error, `tab ${place}`));
    return session;
  }

  act(place = this.dice.below(this.tabs.length), where = '') {
    const { dice } = this;
    const session = this.tabs[place];
    const user = dice.of(USERS);
    const act = dice.of([
      'login',
      'setTokens',
      'logout',
      'renew',
      'renew',
      'renew',
      'accessToken',
      'all renew',
      'malice',
      'store',
      'back',
      'another',
    ]);
    this.note(`${where}tab ${place}: ${act} ${/login|setTokens/.test(act) ? user : ''}`);
    switch (act) {
      case 'login':
        return this.promised('login', session.login({ username: user, password: `${SECRET}-${user}-password` }));
      case 'setTokens': {
        const { access, refresh } = this.server.mint(user);
        return session.setTokens({ access, refresh, expiresIn: this.server.life / 1000 });
      }
      case 'logout':
        return session.logout();
      case 'renew':
        return this.promised('renew', session.accessToken({ minTtl: 86_400_000 }));
      case 'accessToken':
        return this.promised('accessToken', session.accessToken());
      case 'all renew':
        return this.tabs.forEach((session) => this.promised('renew', session.accessToken({ minTtl: 86_400_000 })));
      case 'malice':
        return void (this.server.malice = dice.of([0, 0.1, 0.5]));
      case 'store':
        return void (this.storage.refuses = this.isRefusing && dice.is(0.5));
      case 'back':
        return void dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
      case 'another':
        if (this.tabs.length < 5) this.tabs.push(this.open(this.tabs.length));
    }
  }

  async go() {
    for (let place = 0; place < 2 + this.dice.below(2); place++) this.tabs.push(this.open(place));
    for (let step = 0; step < STEPS; step++) {
      this.act();
      await drain();
      if (this.dice.is(0.7)) await this.clock.advance(this.dice.of([0, 5, 100, 1_000, 10_000, 70_000]));
      this.checkWhatWasSaid();
    }
    this.heal();
    await this.clock.advance(120_000);
    await this.agree();
    for (const session of this.isRefusing ? this.tabs : [this.tabs[0]]) session.logout();
    await this.clock.advance(120_000);
    await this.agree();
    const left = this.tabs.find(({ state }) => state !== 'signed-out' && state !== 'expired');
    if (left) this.break(`one tab has signed out, and another is ${left.state}`);
    if (this.stored()) this.break('after a logout a credential is in the store');
    const again = new Session(this.options);
    await this.clock.advance(20_000);
    if (again.state !== 'signed-out') this.break(`after a logout and a reload the session is ${again.state}`);
    this.checkWhatWasSaid();
    this.checkPromises();
  }

  /** Who is signed in is the same everywhere, and in the store. */
  async agree() {
    // What one of them was the last to know is known after it has asked once.
    await this.users();
    const users = await this.users();
    const stored = userOf(this.stored()) ?? 'nobody';
    // A tab whose store refused goes on in memory, alone.
    if (!this.isRefusing && users.some((user) => user !== stored))
      this.break(`the store has ${stored}, and the tabs have ${users} (${this.tabs.map(({ state }) => state)})`);
    if (!this.isRefusing && this.server.reused) this.break(`a refresh token was used twice: ${this.server.reused}`);
  }

  /** Whose token each tab has. */
  async users() {
    const users = this.tabs.map(() => 'no answer');
    for (const [place, session] of this.tabs.entries())
      session.accessToken().then(
        (access) => (users[place] = userOf(access)),
        () => (users[place] = 'nobody'),
      );
    await this.clock.advance(60_000);
    return users;
  }

  end() {
    for (const session of this.tabs) session.logout();
  }
}
