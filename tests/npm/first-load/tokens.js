// What an app writes by hand, with or without partysocket: tokens in localStorage, a ticket, and a renewal when it is refused.

import { KEY, ref, start } from './app.js';

export const tokens = JSON.parse(localStorage.getItem(KEY) ?? 'null');
export const state = ref('connecting');
start(ref(tokens !== null), state);

export async function ticket(again = true) {
  const response = await fetch('/ws_ticket', { headers: { Authorization: `Bearer ${tokens.access}` } });
  if (response.status === 401 && again) {
    const body = JSON.stringify({ refresh: tokens.refresh });
    const renewed = await fetch('/api/token/refresh/', { method: 'POST', body });
    if (!renewed.ok) throw new Error('sign in again');
    Object.assign(tokens, await renewed.json());
    localStorage.setItem(KEY, JSON.stringify({ ...tokens }));
    return ticket(false);
  }
  return (await response.json()).ticket;
}
