import { createApp } from 'vue';
import { presets, Session } from 'gatepass';
import { gatepass } from 'gatepass/vue';
import App from './App.vue';
import '../../market/market.css';

// Over a reload, for this tab alone.
const session = new Session({ ...presets.simpleJwt(`${location.origin}/api`), store: 'sessionStorage' });

createApp(App).use(gatepass(session)).mount('#app');
