"""Small networks of the YOLOv2 family, their cfg files and weights files."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_cv_course.models.darknet_layers import Convolution, MaxPool, Reorg, Route, Shape
from keras_cv_course.models.yolov2 import NETWORKS, Network, head_filters


def thin(name: str, input_shape: Shape, num_classes: int = 2, divisor: int = 16) -> Network:
    """Take a known network and make every layer but the head narrower."""
    network = NETWORKS[name]
    layers = [
        layer._replace(filters=layer.filters // divisor) if isinstance(layer, Convolution) else layer
        for layer in network.layers[:-1]
    ]
    head = network.layers[-1]._replace(filters=head_filters(num_classes, len(network.anchors)))
    names = tuple(map(str, range(num_classes)))
    return replace(network, name=f"thin-{name}", layers=(*layers, head), input_shape=input_shape, class_names=names)


def tiniest() -> Network:
    """Give a network with every kind of layer, few and small: a JAX program compiles each kernel's shape by itself."""
    layers = (
        Convolution(4, 3),
        MaxPool(),
        Convolution(4, 3),
        MaxPool(1),
        MaxPool(),
        Route((-2,)),
        Reorg(),
        Route((-1, -3)),
        Convolution(head_filters(2, 1), 1, normalized=False, leaky=False),
    )
    return Network("tiniest", layers, (8, 12, 3), ((1.5, 2.5),), ("0", "1"))


def cfg_text(network: Network) -> str:
    """Write the network down as a cfg file."""
    height, width, channels = network.input_shape
    sections = [f"[net]\nheight={height}\nwidth={width}\nchannels={channels}\n"]
    for layer in network.layers:
        match layer:
            case Convolution():
                sections.append(
                    f"[convolutional]\nbatch_normalize={int(layer.normalized)}\nfilters={layer.filters}\n"
                    f"size={layer.size}\nstride=1\npad=1\nactivation={'leaky' if layer.leaky else 'linear'}\n"
                )
            case MaxPool():
                sections.append(f"[maxpool]\nsize=2\nstride={layer.stride}\n")
            case Reorg():
                sections.append("[reorg]\nstride=2\n")
            case Route():
                sections.append(f"[route]\nlayers={','.join(map(str, layer.sources))}\n")
    anchors = ", ".join(f"{width}, {height}" for width, height in network.anchors)
    sections.append(
        f"[region]\nanchors={anchors}\nclasses={len(network.class_names)}\ncoords=4\nnum={len(network.anchors)}\n"
        "softmax=1\n"
    )
    return "\n".join(sections)


def header(version: tuple[int, int, int] = (0, 2, 0), seen_format: str = "<q") -> bytes:
    return struct.pack("<3i", *version) + struct.pack(seen_format, 32_013_312)


def write_darknet_files(
    folder: Path, network: Network, floats: np.ndarray, start: bytes | None = None
) -> tuple[Path, Path]:
    """Write a weights file and a cfg file; returns both."""
    weights, cfg = folder / f"{network.name}.weights", folder / f"{network.name}.cfg"
    weights.write_bytes((header() if start is None else start) + floats.astype("<f4").tobytes())
    cfg.write_text(cfg_text(network))
    return weights, cfg


def drawn_floats(network: Network, seed: int) -> np.ndarray:
    """Draw a file's numbers such that maps keep their size; variances from tiny to 2."""
    draw = np.random.default_rng(seed)
    channels, channels_of, pieces = network.input_shape[2], [], []
    for layer in network.layers:
        match layer:
            case Convolution():
                n = layer.filters
                pieces.append(draw.normal(0, 0.1, n))
                if layer.normalized:
                    variance = draw.uniform(0.3, 2, n)
                    variance[0] = 1e-6  # here the place of Darknet's 1e-6 shows
                    pieces += [draw.uniform(0.7, 1.3, n) * np.sqrt(variance), draw.normal(0, 0.1, n) * variance]
                    pieces.append(variance)
                inputs = channels * layer.size**2
                pieces.append(draw.normal(0, np.sqrt(2 / inputs), n * inputs))
                channels = n
            case Reorg():
                channels *= 4
            case Route():
                channels = sum(channels_of[source] for source in layer.sources)
        channels_of.append(channels)
    return np.concatenate(pieces).astype(np.float32)
