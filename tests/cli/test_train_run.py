"""What all `kcc train` commands share."""

import pytest

from keras_cv_course.cli.train_run import time_of


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ([0.2], "1 second"),
        ([60.0, 59.4], "119 seconds"),
        ([119.6], "2 minutes"),
        ([1800.0, 29.0], "30 minutes"),
    ],
)
def test_a_short_training_took_seconds(seconds: list[float], said: str) -> None:
    assert time_of({"loss": [1.0] * len(seconds), "seconds": seconds}) == said
