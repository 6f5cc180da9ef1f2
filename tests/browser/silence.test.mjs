// A recorded home falls silent and is worked to its end by operator, care manager and doctor.

import { silence } from './lib/silence.mjs';

silence({ javascript: true, home: 'ordonez_B' });
