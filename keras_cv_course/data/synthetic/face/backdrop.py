"""What is behind a face, out of focus."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

_COARSE = 4  # a backdrop out of focus needs no more than every fourth pixel


def draw_backdrop(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Draw a wall, or things too blurred to be known, as an RGB picture of `size` (height, width)."""
    height, width = max(size[0] // _COARSE, 1), max(size[1] // _COARSE, 1)
    top, bottom = (rng.uniform(0.1, 1) * rng.uniform(0.6, 1, 3) for _ in range(2))
    if rng.random() < 0.5:
        bottom = top * rng.uniform(0.6, 1.1)
    ramp = np.linspace(0, 1, height)[:, None, None]
    wall = np.broadcast_to(top + ramp * (bottom - top), (height, width, 3))
    image = Image.fromarray(np.clip(255 * wall, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image, "RGBA")
    for _ in range(rng.integers(14)):
        x, y = rng.uniform(-0.1, 1.1, 2) * (width, height)
        half = rng.uniform(0.03, 0.35, 2) * (width, height)
        box = (x - half[0], y - half[1], x + half[0], y + half[1])
        red, green, blue = rng.integers(10, 245, 3).tolist()
        fill = (red, green, blue, int(rng.integers(60, 255)))
        (pen.rectangle if rng.random() < 0.6 else pen.ellipse)(box, fill=fill)
    image = image.filter(ImageFilter.BoxBlur(float(rng.uniform(0.3, 2.5))))
    return image.resize((size[1], size[0]), Image.Resampling.BICUBIC)


def paint_balls(image: Image.Image, rng: np.random.Generator) -> None:
    """Paint round things with light and shade before a backdrop, in place."""
    pen = ImageDraw.Draw(image)
    for _ in range(rng.integers(1, 5)):
        x, y = rng.uniform(0.1, 0.9, 2) * image.size
        wide, high = rng.uniform(0.06, 0.38) * min(image.size) * rng.uniform(0.75, 1, 2)
        colour, lamp = rng.uniform(0.2, 0.95) * rng.uniform(0.5, 1, 3), rng.uniform(-0.35, 0.35, 2)
        for share in np.linspace(0, 1, 12):
            red, green, blue = np.clip(255 * colour * (0.55 + 0.5 * share), 0, 255).astype(int).tolist()
            left, top = x + (lamp[0] * share - 1 + share) * wide, y + (lamp[1] * share - 1 + share) * high
            box = (left, top, left + 2 * (1 - share) * wide, top + 2 * (1 - share) * high)
            pen.ellipse(box, fill=(red, green, blue))
