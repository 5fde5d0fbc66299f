import re
from pathlib import Path

import numpy as np

from keras_cv_course.metrics.localization import LocalizationMetrics
from keras_cv_course.report.localizer_page import LocalizedPicture, write_localizer_page


def test_page_says_what_was_measured_and_loads_nothing(tmp_path: Path) -> None:
    picture = np.zeros((120, 120, 3), np.uint8)
    metrics = LocalizationMetrics(40, 30, 0.975, 0.8125, 0.9)
    options = {
        "title": "A localizer for <roads>",
        "facts": {"Epochs": "3"},
        "data_note": "drawn",
        "metrics": metrics,
        "pictures": [LocalizedPicture(picture, "car", "car 0.97", True)],
    }
    path = tmp_path / "page.html"
    wrong = LocalizedPicture(picture, "nothing", "motorcycle 0.61", False)
    write_localizer_page(path, **options, mistakes=[wrong], history={"loss": [2.0, 1.0]})
    page = path.read_text()
    for text in ("90.0 %", "of 40 pictures", "97.5 %", "0.812", "car 0.97", "motorcycle 0.61", "&lt;roads&gt;"):
        assert text in page
    assert page.count("<img") == 3
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)
    write_localizer_page(path, **options, mistakes=[])
    page = path.read_text()
    assert "Mistakes" not in page
    assert "The training" not in page
