"""Hypothesis draws the same cases each time, so that a change is judged by its own work; ``HYPOTHESIS_PROFILE=explore`` goes looking for new ones."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
