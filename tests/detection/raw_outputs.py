"""Raw outputs of YOLOv2 as networks give them, drawn from a seed."""

import numpy as np

ANCHORS = np.array(
    [[0.57273, 0.677385], [1.87446, 2.06253], [3.33843, 5.47434], [7.88282, 3.52778], [9.77052, 9.16828]]
)


def noise(batch: int, rows: int, cols: int, classes: int, seed: int = 0, spread: float = 4) -> np.ndarray:
    """An output float32 (batch, rows, cols, 5 * (5 + classes)) that knows nothing: boxes of all classes anywhere."""
    draw = np.random.default_rng(seed)
    return draw.normal(0, spread, (batch, rows, cols, len(ANCHORS) * (5 + classes))).astype(np.float32)


def scene(batch: int, rows: int, cols: int, classes: int, seed: int = 0, objects: int = 12) -> np.ndarray:
    """An output of the same shape with a few objects, each seen by several neighbouring cells and anchors."""
    draw = np.random.default_rng(seed)
    raw = draw.normal(0, 0.5, (batch, rows, cols, len(ANCHORS), 5 + classes))
    raw[..., 4] -= 7
    for picture in raw:
        for _ in range(objects):
            row, col, name = draw.integers(rows), draw.integers(cols), draw.integers(classes)
            for _ in range(draw.integers(2, 7)):
                near = (
                    np.clip(row + draw.integers(-1, 2), 0, rows - 1),
                    np.clip(col + draw.integers(-1, 2), 0, cols - 1),
                    draw.integers(len(ANCHORS)),
                )
                picture[near][4] = draw.normal(3, 1)
                picture[near][5 + name] = draw.normal(9, 1)
    return raw.reshape(batch, rows, cols, -1).astype(np.float32)
