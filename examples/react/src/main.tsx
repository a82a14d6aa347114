import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { presets, Session } from 'gatepass';
import { GatepassProvider } from 'gatepass/react';
import { App } from './App';
import '../../market/market.css';

// Over a reload, for this tab alone.
const session = new Session({ ...presets.simpleJwt(`${location.origin}/api`), store: 'sessionStorage' });

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <GatepassProvider session={session}>
      <App />
    </GatepassProvider>
  </StrictMode>,
);
