"""Draw the picture of docs/localization.md: what the shipped localizer says of drawn roads kept aside.

Run: python benchmarks/localization_picture.py
"""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image

from keras_cv_course.cli.localizer_result import measure_localizer
from keras_cv_course.cli.options import KEPT_ASIDE_SEED
from keras_cv_course.data.localized_images import draw_localized_images
from keras_cv_course.models.trained_localizer import load_localizer

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "localization.png"
COLUMNS, PICTURES = 4, 8


def main() -> None:
    result = measure_localizer(load_localizer("road-localizer"), draw_localized_images(PICTURES, KEPT_ASIDE_SEED))
    drawn = [result.draw(number) for number in range(PICTURES)]
    rows = [np.concatenate(drawn[start : start + COLUMNS], axis=1) for start in range(0, PICTURES, COLUMNS)]
    picture = Image.fromarray(np.concatenate(rows))
    picture.quantize(128).save(PICTURE, optimize=True)
    print(f"{PICTURE}: {PICTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
