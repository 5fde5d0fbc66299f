"""What the Darknet program computes for YOLOv2, from a cfg file and a weights file, in NumPy and float64.

Written from the C code (convolutional_layer.c, maxpool_layer.c, blas.c, route_layer.c, parser.c) with its order of
axes, (channels, height, width), and independent of the package.
"""

from pathlib import Path

import numpy as np


def run_darknet(cfg: Path, weights: Path, image: np.ndarray) -> np.ndarray:
    """Compute the last convolution's output (rows, cols, channels) for an image (height, width, 3), 0..1."""
    sections: list[tuple[str, dict[str, str]]] = []
    for line in cfg.read_text().splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("["):
            sections.append((line.strip("[]"), {}))
        elif line:
            name, value = line.split("=")
            sections[-1][1][name.strip()] = value.strip()
    content = weights.read_bytes()
    major, minor, _ = np.frombuffer(content[:12], "<i4")
    floats = np.frombuffer(content[20 if major * 10 + minor >= 2 else 16 :], "<f4").astype(np.float64)

    def take(count: int) -> np.ndarray:
        nonlocal floats
        taken, floats = floats[:count], floats[count:]
        assert len(taken) == count
        return taken

    x = image.transpose(2, 0, 1).astype(np.float64)
    outputs = []
    for kind, options in sections[1:-1]:
        if kind == "convolutional":
            filters, size = int(options["filters"]), int(options["size"])
            bias = take(filters)
            scale = mean = variance = None
            if options["batch_normalize"] == "1":
                scale, mean, variance = take(filters), take(filters), take(filters)
            x = convolve(x, take(filters * len(x) * size * size).reshape(filters, -1), size)
            if scale is not None:
                x = (x - mean[:, None, None]) / (np.sqrt(variance) + 0.000001)[:, None, None] * scale[:, None, None]
            x = x + bias[:, None, None]
            if options["activation"] == "leaky":
                x = np.where(x > 0, x, 0.1 * x)
        elif kind == "maxpool":
            x = max_pool(x, int(options["size"]), int(options["stride"]))
        elif kind == "reorg":
            c, h, w = x.shape
            x = x.reshape(c // 4, h, 2, w, 2).transpose(2, 4, 0, 1, 3).reshape(4 * c, h // 2, w // 2)
        elif kind == "route":
            sources = [int(number) for number in options["layers"].split(",")]
            x = np.concatenate([outputs[number] for number in sources])
        outputs.append(x)
    assert len(floats) == 0
    return x.transpose(1, 2, 0)


def convolve(x: np.ndarray, kernels: np.ndarray, size: int) -> np.ndarray:
    """Stack the shifted maps as Darknet's im2col does, then multiply by `kernels` (filters, channels * size * size)."""
    channels, height, width = x.shape
    padded = np.pad(x, ((0, 0), (size // 2, size // 2), (size // 2, size // 2)))
    shifted = [padded[:, r : r + height, c : c + width] for r in range(size) for c in range(size)]
    columns = np.stack(shifted, axis=1).reshape(channels * size * size, height * width)
    return (kernels @ columns).reshape(-1, height, width)


def max_pool(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """Pool with the program's default padding of size - 1, which for a size of 2 lies right and below."""
    _, height, width = x.shape
    padding = size - 1
    rows, columns = (height + padding - size) // stride + 1, (width + padding - size) // stride + 1
    padded = np.pad(x, ((0, 0), (0, padding), (0, padding)), constant_values=-np.inf)
    windows = [
        padded[:, r : r + stride * rows : stride, c : c + stride * columns : stride]
        for r in range(size)
        for c in range(size)
    ]
    return np.max([window[:, :rows, :columns] for window in windows], axis=0)
