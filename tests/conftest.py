"""Settings of the whole test run."""

from hypothesis import settings

# time is measured in benchmarks/, never in a test: no deadline on one example; the same examples in every run
settings.register_profile("rampion", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("rampion")
