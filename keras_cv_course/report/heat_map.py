"""Heat laid over a picture."""

import numpy as np
from matplotlib import colormaps
from PIL import Image

from keras_cv_course.errors import DataContentError

# Black to pale yellow in even steps of lightness: it reads in print and without red and green.
COLOURS = "inferno"
STRONGEST = 0.8  # share of the colour in the hottest pixel, so that the picture still shows there


def overlay_heat(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lay heat over a picture: in colour where hot, the picture in grey where cold.

    Grey, because warm colours do not show on a warm picture, such as a brown animal in evening light.

    Args:
        image: uint8 (height, width, 3), red-green-blue.
        heat: float32 (h, w), values 0..1, over the whole picture; it is stretched to the picture's size,
            bilinearly.

    Returns:
        uint8 (height, width, 3).

    Raises:
        DataContentError: `image` or `heat` is not as described.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise DataContentError(
            "Expected a uint8 image of shape (height, width, 3), at least 1 x 1, "
            f"received {image.dtype} of shape {image.shape}."
        )
    if heat.dtype != np.float32 or heat.ndim != 2 or heat.size == 0:
        raise DataContentError(
            f"Expected float32 heat of shape (h, w), at least 1 x 1, received {heat.dtype} of shape {heat.shape}."
        )
    if not (heat.min() >= 0 and heat.max() <= 1):  # written so that NaN fails
        raise DataContentError(
            f"Expected heat from 0 to 1, received {heat.min():g} to {heat.max():g}. Divide it by its maximum."
        )
    height, width = image.shape[:2]
    stretched = np.array(Image.fromarray(heat).resize((width, height), Image.Resampling.BILINEAR))  # (height, width)
    colours = 255 * colormaps[COLOURS](stretched)[:, :, :3]
    grey = np.array(Image.fromarray(image).convert("L"))[:, :, np.newaxis]
    share = STRONGEST * stretched[:, :, np.newaxis]
    return np.rint((1 - share) * grey + share * colours).astype(np.uint8)
