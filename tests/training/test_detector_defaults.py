"""What `kcc train detector` chooses by itself."""

from typing import Any

import pytest

from keras_cv_course.cli import train_detector
from keras_cv_course.errors import WeightsError
from keras_cv_course.training.fit_detector import fitting_size
from keras_cv_course.transfer import detectors


@pytest.mark.parametrize(
    ("image_sizes", "size"),
    [
        ([(100, 100)], (544, 544)),
        ([(480, 640)], (480, 640)),
        ([(640, 480), (640, 480), (10, 900)], (640, 480)),  # what most have
        ([(10, 100_000)], (32, 54_400)),  # one row of cells at least
    ],
)
def test_the_input_has_the_form_of_most_pictures(image_sizes: list[tuple[int, int]], size: tuple[int, int]) -> None:
    assert fitting_size(image_sizes) == size


@pytest.mark.parametrize("fetched", [True, False])
def test_without_the_default_weights_training_begins_with_what_is_shipped(
    fetched: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built = detectors.detection_network

    def build(start: str, *numbers: int) -> Any:
        if start != train_detector.DEFAULT_BACKBONE:
            return built(start, *numbers)
        if not fetched:
            raise WeightsError("The weights of mobilenet-0.25 are not on this machine.")
        return built(start, *numbers, weights=None)

    monkeypatch.setattr(detectors, "detection_network", build)
    details: dict[str, Any] = {}
    network = train_detector._network(details, 2, 5)
    assert network.model.output_shape[-1] == 5 * (5 + 2)
    assert details == {"backbone": "mobilenet-0.25" if fetched else "road-yolov2"}
    assert ("road-yolov2, which learnt from drawings" in capsys.readouterr().err) is not fetched


def test_a_start_that_was_asked_for_is_not_replaced() -> None:
    with pytest.raises(WeightsError, match="mobilenet-0\\.26"):
        train_detector._network({"backbone": "mobilenet-0.26x"}, 2, 5)
