"""For all self-tests."""

from hypothesis import settings

# The time of one example says more of the machine than of the code: a lab may run beside.
settings.register_profile("selftest", deadline=None)
settings.load_profile("selftest")
