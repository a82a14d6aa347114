import { AuthSocket, presets, Session } from 'gatepass';
import { KEY, ref, start } from './app.js';

const session = new Session({ ...presets.simpleJwt(`${location.origin}/api`), store: 'localStorage', storeKey: KEY });
const socket = new AuthSocket(`${location.origin}/channel/`, {
  session,
  ...presets.ticketServerSocket(location.origin),
});
const [isSignedIn, state] = [ref(), ref('connecting')];
session.subscribe((shown) => (isSignedIn.value = shown.isLoading ? undefined : shown.isSignedIn));
socket.subscribe((shown) => (state.value = shown.state));
start(isSignedIn, state);
