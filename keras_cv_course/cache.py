"""Where this package keeps what it can get again: downloads and computed features."""

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "KERAS_CV_COURSE_CACHE"


def cache_folder(content: str) -> Path:
    """Give the folder for `content` below ``$KERAS_CV_COURSE_CACHE``, else below the user's cache folder.

    Nothing is made or looked at.
    """
    base = os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_path("keras_cv_course", appauthor=False)
    return Path(base) / content
