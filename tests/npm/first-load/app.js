// The same small app for each way: a login form for who is not signed in, else the state of the socket.

import { createApp, h, ref } from 'vue';

/** `isSignedIn`: true, false, or undefined while it is not known. */
export function start(isSignedIn, state) {
  const shown = () =>
    isSignedIn.value === undefined ? '' : isSignedIn.value ? h('main', state.value) : h('form', h('input'));
  createApp({ setup: () => shown }).mount('#app');
}

export { ref };

/** Where the app keeps its tokens. */
export const KEY = 'gatepass tokens';
