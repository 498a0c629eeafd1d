from __future__ import annotations

import signal

# A shell that starts a run in the background has it ignore SIGINT, and every child inherits that; tests of what an
# interrupt does need a signal that arrives.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
