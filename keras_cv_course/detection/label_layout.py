"""Where on a picture each box's label goes, so that it hides as little as possible."""

import numpy as np

# What a place costs; shares are of the label's area. No share of other objects outweighs hiding one's own.
_HIDES_OWN, _PER_OWN_SHARE = 10.0, 5.0
_PER_OTHER_SHARE, _MOST_OTHERS = 2.0, 4.0
_PER_RANK = 0.02


def place_labels(boxes: np.ndarray, sizes: np.ndarray, image_size: tuple[int, int]) -> dict[int, np.ndarray]:
    """Find a place for each label: above its box if that is free, else below, beside, or within the box.

    One label after the other takes the place that hides least: never another label, not its own object if there is any
    other place, and as little as possible of other objects. A label for which only places over other labels are left
    is left out, and so is one that is larger than the picture.

    Args:
        boxes: integers (n, 4), xyxy within the picture; the first choose first.
        sizes: integers (n, 2), (height, width) of the labels.
        image_size: (height, width) of the picture.

    Returns:
        For the number of each box that gets a label, the label's integers (4,), xyxy within the picture.
    """
    labels: dict[int, np.ndarray] = {}
    taken = np.zeros((0, 4), int)
    for index, (box, size) in enumerate(zip(boxes, sizes, strict=True)):
        if (size > image_size).any():
            continue
        places = _places(box, size, image_size)  # (places, 4), the preferred first
        places = places[_shared_area(places, taken).sum(axis=1) == 0]
        if not len(places):
            continue
        area = size.prod()
        on_own = _shared_area(places, box[None])[:, 0] / area
        on_others = _shared_area(places, np.delete(boxes, index, axis=0)).sum(axis=1) / area
        cost = (
            _HIDES_OWN * (on_own > 0)
            + _PER_OWN_SHARE * on_own
            + _PER_OTHER_SHARE * np.minimum(on_others, _MOST_OTHERS)
            + _PER_RANK * np.arange(len(places))
        )
        labels[index] = places[cost.argmin()]
        taken = np.concatenate([taken, labels[index][None]])
    return labels


def _places(box: np.ndarray, size: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    left, top, right, bottom = box
    height, width = size
    columns = [left, right - width, (left + right - width) // 2, left - width // 2, right - width // 2]
    rows = [top, bottom - height, (top + bottom - height) // 2]
    corners = [
        *((x, top - height) for x in columns),
        *((x, bottom) for x in columns),
        *((right, y) for y in rows),
        *((left - width, y) for y in rows),
        *((x, y) for y in rows[:2] for x in columns[:2]),
    ]
    # Where even a corner of the box is taken, a label may stand farther inside.
    corners += [(x, y) for y in range(top + height, bottom - height, height) for x in columns[:2]]
    x, y = np.array(corners).T
    x, y = np.clip(x, 0, image_size[1] - width), np.clip(y, 0, image_size[0] - height)
    return np.stack([x, y, x + width, y + height], axis=1)


def _shared_area(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Area (n, m) that each of a (n, 4) has in common with each of b (m, 4)."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.maximum(high - low, 0).prod(axis=-1)
