"""For all self-tests."""

import signal

from hypothesis import settings

# The time of one example says more of the machine than of the code: a lab may run beside.
settings.register_profile("selftest", deadline=None)
settings.load_profile("selftest")

# What a script starts in the background ignores Ctrl-C, and hands that down: `make test &`.
signal.signal(signal.SIGINT, signal.default_int_handler)
