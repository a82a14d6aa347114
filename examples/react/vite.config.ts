import react from '@vitejs/plugin-react';
import { gatepass } from 'gatepass/vite';
import { defineConfig } from 'vite';

// `npm run dev` passes these on to the backend, as a web server in front of both would.
const backend = 'http://127.0.0.1:8000';

export default defineConfig({
  base: './',
  plugins: [react(), gatepass()],
  server: { proxy: { '/api': backend, '/ws_ticket': backend, '/ws/': { target: backend, ws: true } } },
});
