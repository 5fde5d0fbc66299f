"""Colours of vehicles, RGB 0..255."""

import numpy as np

GLASS_COLOUR = np.array([34.0, 40, 46])
PLASTIC = np.array([38.0, 38, 41])
STEEL = np.array([150.0, 154, 160])
PLATE = np.array([232.0, 230, 224])
WHITE_LAMP = np.array([246.0, 244, 232])
RED_LAMP = np.array([176.0, 22, 26])
BRAKE_LAMP = np.array([255.0, 48, 40])
AMBER_LAMP = np.array([226.0, 130, 30])

LIVERIES = np.array(
    [
        [196, 38, 40],
        [226, 172, 40],
        [232, 234, 236],
        [40, 92, 160],
        [58, 128, 84],
        [222, 120, 40],
        [120, 124, 130],
        [70, 150, 170],
        [128, 40, 52],
        [36, 48, 84],
    ],
    float,
)


def pick(rng: np.random.Generator, palette: np.ndarray, spread: float) -> np.ndarray:
    """Take one colour (3,) of a palette (n, 3), changed a little."""
    return np.clip(palette[rng.integers(len(palette))] + rng.normal(0, spread, 3), 12, 246)
