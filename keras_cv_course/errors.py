"""Every error that this package raises on purpose, as one tree.

KerasCVCourseError
├── DataError              a data set or an annotation that cannot be used
│   ├── DataNotFoundError    no file where one was expected      (also a FileNotFoundError)
│   ├── DataFileError        a file that cannot be read as what it should be
│   └── DataContentError     a readable file or array with wrong contents   (also a ValueError)
├── ImageFileError         one picture that cannot be used
├── ModelError             an impossible model description, or a model that does not fit its use (also a ValueError)
├── WeightsError           weights that are missing, damaged or made for another model
├── RunError               a training run that cannot start or go on
├── GradingError           grading that cannot start or go on, and not by the fault of a submission
│   └── SandboxError         too few layers of the sandbox are active on this machine
└── MissingExtraError      an optional package or backend that is not there   (also an ImportError)

A message says what was expected, what was received and what to do, in one or two lines. The command line prints
exactly that message; a traceback needs ``--debug``.
"""

from collections.abc import Iterable


class KerasCVCourseError(Exception):
    """Base of all errors raised on purpose by this package."""


class DataError(KerasCVCourseError):
    """A data set or an annotation cannot be used."""


class DataNotFoundError(DataError, FileNotFoundError):
    """No data file where one was expected."""


class DataFileError(DataError):
    """A data file cannot be read as what it should be: truncated, or of another format."""


class DataContentError(DataError, ValueError):
    """Data of a wrong key, dtype, shape, rank or value range."""


class ImageFileError(KerasCVCourseError):
    """One image file cannot be used: truncated, empty, not an image, or absurdly large."""


class ModelError(KerasCVCourseError, ValueError):
    """An impossible model description, or a model that does not fit what is asked of it."""


class WeightsError(KerasCVCourseError):
    """Weights are missing, damaged, or made for another model."""


class RunError(KerasCVCourseError):
    """A training run cannot start or go on: a bad setting or an unusable run folder."""


class GradingError(KerasCVCourseError):
    """Grading cannot start or go on: an assignment, a format or a setting is at fault, never a submission."""


class SandboxError(GradingError):
    """Too few layers of the sandbox are active on this machine."""


class MissingExtraError(KerasCVCourseError, ImportError):
    """An optional package or a backend is needed and not there."""


def first_line(error: Exception) -> str:
    """Give the first line of another library's message, or the kind of the error where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def list_few(names: Iterable[str]) -> str:
    """Give the first four names in alphabetical order and the number of the others; "none" where there is none."""
    ordered = sorted(names)
    return ", ".join(ordered[:4]) + (f" and {len(ordered) - 4} more" if len(ordered) > 4 else "") or "none"
