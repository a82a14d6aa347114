import 'gatepass/inline';
import './gatepass.js';
