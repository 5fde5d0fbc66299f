import numpy as np
import pytest
from matplotlib import colormaps

from keras_cv_course.errors import DataContentError
from keras_cv_course.report.heat_map import COLOURS, STRONGEST, overlay_heat


def picture(height: int = 4, width: int = 6) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_cold_picture_is_the_picture_in_grey():
    image = picture()
    overlay = overlay_heat(image, np.zeros((2, 2), np.float32))
    assert overlay.dtype == np.uint8
    assert overlay.shape == image.shape
    assert (overlay == overlay[:, :, :1]).all()
    luma = image @ [0.299, 0.587, 0.114]  # ITU-R BT.601
    np.testing.assert_allclose(overlay[:, :, 0], luma, atol=1)  # Pillow computes with 16-bit integers


def test_hot_picture_still_shows_through():
    black, white = (overlay_heat(np.full((4, 6, 3), v, np.uint8), np.ones((1, 1), np.float32)) for v in (0, 255))
    hottest = 255 * np.array(colormaps[COLOURS](1.0)[:3])
    np.testing.assert_allclose(black, np.broadcast_to(STRONGEST * hottest, (4, 6, 3)), atol=0.5)
    np.testing.assert_allclose(white.astype(int) - black, np.full((4, 6, 3), 255 * (1 - STRONGEST)), atol=1)


def test_heat_lies_where_it_belongs():
    heat = np.zeros((2, 3), np.float32)
    heat[0, 2] = 1
    coloured = np.ptp(overlay_heat(np.full((40, 90, 3), 128, np.uint8), heat), axis=2)  # (40, 90), 0 for grey
    assert coloured[:10, 75:].all()
    assert not coloured[31:].any()
    assert not coloured[:, :44].any()


def test_stretches_bilinearly():
    overlay = overlay_heat(np.zeros((1, 4, 3), np.uint8), np.array([[0, 1]], np.float32))
    # Centres of four pixels over those of two: 0 (outside), a quarter, three quarters, 1 (outside).
    steps = np.array([0, 0.25, 0.75, 1])
    expected = steps[:, np.newaxis] * STRONGEST * 255 * colormaps[COLOURS](steps)[:, :3]
    np.testing.assert_allclose(overlay[0], expected, atol=0.5)  # rounding to whole numbers


def test_leaves_its_inputs_alone():
    image, heat = picture(), np.full((2, 2), 0.5, np.float32)
    overlay_heat(image, heat)
    assert (image == picture()).all()
    assert (heat == 0.5).all()


@pytest.mark.parametrize(
    ("image", "heat", "problem"),
    [
        (picture().astype(np.float32), np.zeros((2, 2), np.float32), "uint8 image .* float32"),
        (picture()[:, :, 0], np.zeros((2, 2), np.float32), r"received uint8 of shape \(4, 6\)"),
        (picture(0), np.zeros((2, 2), np.float32), "at least 1 x 1"),
        (picture(), np.zeros((2, 2)), "float32 heat .* float64"),
        (picture(), np.zeros((1, 2, 2), np.float32), r"received float32 of shape \(1, 2, 2\)"),
        (picture(), np.zeros((0, 2), np.float32), "at least 1 x 1"),
        (picture(), np.array([[-0.1, 1]], np.float32), "received -0.1 to 1"),
        (picture(), np.array([[0, 3]], np.float32), "received 0 to 3. Divide it by its maximum"),
        (picture(), np.array([[0, np.nan]], np.float32), "received nan to nan"),
    ],
)
def test_rejects_what_is_no_picture_or_no_heat(image, heat, problem):
    with pytest.raises(DataContentError, match=problem):
        overlay_heat(image, heat)
