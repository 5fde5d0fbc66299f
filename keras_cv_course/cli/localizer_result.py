"""What a localizer says of pictures whose objects are known: figures and a page, for several commands."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Unpack

import numpy as np
from PIL import Image

from keras_cv_course.boxes import scale_xyxy
from keras_cv_course.data.localized_images import NO_OBJECT, LocalizedImages
from keras_cv_course.detection.draw import draw_labels
from keras_cv_course.metrics.localization import LocalizationMetrics, correct_pictures, localization_metrics
from keras_cv_course.models.localizer import Localization
from keras_cv_course.models.trained_localizer import Localizer
from keras_cv_course.report.html import PageFacts
from keras_cv_course.report.localizer_page import LocalizedPicture, write_localizer_page

TRUE, SAID = (46, 204, 113), (255, 255, 255)
NOTHING = "nothing"

_SHOWN, _MISTAKES_SHOWN = 24, 24
_SIDE = 192  # pixels of a drawn picture's shorter side, at least


@dataclass(frozen=True, eq=False)
class LocalizerResult:
    """A localizer's answers beside the truth.

    Attributes:
        localizer: that was measured.
        data: pictures of its size.
        found: what it says of them.
    """

    localizer: Localizer
    data: LocalizedImages
    found: Localization

    @cached_property
    def metrics(self) -> LocalizationMetrics:
        """The figures."""
        data, found = self.data, self.found
        return localization_metrics(data.boxes, data.class_ids, found.boxes, found.class_ids)

    @cached_property
    def correct(self) -> np.ndarray:
        """Whether class and box of each picture are right, bool (m,)."""
        data, found = self.data, self.found
        return correct_pictures(data.boxes, data.class_ids, found.boxes, found.class_ids)

    def draw(self, number: int) -> np.ndarray:
        """Draw the true box and that said on a picture, enlarged; uint8 (height, width, 3)."""
        height, width = self.data.size
        factor = max(1, -(-_SIDE // min(height, width)))
        picture = Image.fromarray(self.data.images[number]).resize((width * factor, height * factor))
        sides = ((SAID, self.found), (TRUE, self.data))
        there = [(colour, side) for colour, side in sides if side.class_ids[number] != NO_OBJECT]
        boxes = np.array([side.boxes[number] for _, side in there], np.float32).reshape(-1, 4)
        labels = [self.data.class_names[side.class_ids[number]] for _, side in there]
        return draw_labels(picture, scale_xyxy(boxes, (factor, factor)), labels, [colour for colour, _ in there])

    def write_page(self, path: Path, **about: Unpack[PageFacts]) -> None:
        """Write the page of :func:`~keras_cv_course.report.localizer_page.write_localizer_page`."""
        wrong = np.flatnonzero(~self.correct)
        write_localizer_page(
            path,
            metrics=self.metrics,
            pictures=[self._picture(number) for number in range(min(_SHOWN, len(self.data)))],
            mistakes=[self._picture(number) for number in wrong[:_MISTAKES_SHOWN]],
            **about,
        )

    def _picture(self, number: int) -> LocalizedPicture:
        truth, said = (
            NOTHING if class_ids[number] == NO_OBJECT else self.data.class_names[class_ids[number]]
            for class_ids in (self.data.class_ids, self.found.class_ids)
        )
        return LocalizedPicture(
            self.draw(number), truth, f"{said} {self.found.scores[number]:.2f}", bool(self.correct[number])
        )


def measure_localizer(localizer: Localizer, data: LocalizedImages) -> LocalizerResult:
    """Let a localizer look at pictures of its size.

    Raises:
        ModelError: pictures of another size.
    """
    return LocalizerResult(localizer, data, localizer.predict(data.images))
