"""What the notebook may use without defining it."""

import numpy as np  # noqa: F401 - as learners call it
