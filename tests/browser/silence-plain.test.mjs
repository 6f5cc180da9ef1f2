// The same story of another home, with JavaScript switched off in every browser.

import { silence } from './lib/silence.mjs';

silence({ javascript: false, home: 'kasteren_A' });
