"""One server of workers for the tests of all assignments."""

from collections.abc import Iterator

import pytest

from keras_cv_course.errors import SandboxError
from keras_cv_course.grading.server import WorkerServer


@pytest.fixture(scope="session")
def server() -> Iterator[WorkerServer]:
    """Give a server with the sandbox that a batch requires, or skip where this machine has none."""
    try:
        started = WorkerServer()
    except SandboxError as error:
        pytest.skip(str(error))
    with started:
        yield started
