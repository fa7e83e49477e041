"""The oracles in tests/sdk assert, and tests of more than one folder import them: they are rewritten here, before any folder is collected.

Hypothesis draws the same cases each time, so that a change is judged by its own work; ``HYPOTHESIS_PROFILE=explore`` goes looking for new ones."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.sdk.oracles", "tests.sdk.chat", "tests.sdk.responses", "tests.sdk.messages", "tests.sdk.google")

settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
