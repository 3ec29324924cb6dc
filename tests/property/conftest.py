"""Settings of hypothesis: a busy machine is no failure, a failure prints how to see it again."""

import os

from hypothesis import settings

settings.register_profile("kalita", deadline=None, print_blob=True)
settings.register_profile("kalita-long", settings.get_profile("kalita"), max_examples=2_000)
settings.load_profile("kalita-long" if os.environ.get("KALITA_LONG") else "kalita")
