import vue from '@vitejs/plugin-vue';
import { gatepass } from 'gatepass/vite';
import { defineConfig } from 'vite';

// `npm run dev` passes these on to the backend, as a web server in front of both would.
const backend = 'http://127.0.0.1:8000';

export default defineConfig({
  base: './',
  plugins: [vue(), gatepass()],
  server: { proxy: { '/api': backend, '/ws_ticket': backend, '/ws/': { target: backend, ws: true } } },
});
