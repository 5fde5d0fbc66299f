"""Darknet's cfg files of the YOLOv2 family, as the layers of `models/`.

Read are [net], [convolutional], [maxpool], [route], [reorg] and [region], in the form that YOLOv2's own files use.
Whatever else would change what the network computes is refused by name and line, because weights would load into it all
the same and give other numbers. What concerns training alone is passed over.

Source: Darknet's parser.c and option_list.c, and the cfg files yolov2*.cfg.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TypeVar

from keras_cv_course.errors import ModelError
from keras_cv_course.models.darknet_layers import Convolution, Layer, MaxPool, Reorg, Route, Shape, output_shape
from keras_cv_course.models.yolov2 import NUMBERS_PER_BOX, Anchors, Network

T = TypeVar("T")

SHORT_NAMES = {"network": "net", "conv": "convolutional", "max": "maxpool"}

# Options of a layer that leave what it computes alone.
TRAINING_OPTIONS = {
    "convolutional": {"stopbackward"},
    "maxpool": set(),
    "route": set(),
    "reorg": set(),
    "region": {
        "absolute",
        "bias_match",
        "class_scale",
        "coord_scale",
        "jitter",
        "mask_scale",
        "max",
        "noobject_scale",
        "object_scale",
        "random",
        "rescore",
        "thresh",
    },
}


@dataclass
class _Section:
    """One section of the file. Options are taken out as they are read; what is left at the end is unknown."""

    path: Path
    kind: str
    line: int
    options: dict[str, tuple[str, int]] = field(default_factory=dict)  # name -> value, line

    def fail(self, problem: str, line: int | None = None) -> NoReturn:
        raise ModelError(f"{self.path}, line {line or self.line}, [{self.kind}]: {problem}")

    def take(self, name: str, parse: Callable[[str], T], wanted: str, default: T | None = None) -> T:
        """Read an option; one without default must be there."""
        if name not in self.options:
            if default is None:
                self.fail(f"expected an option {name}.")
            return default
        value, line = self.options.pop(name)
        try:
            return parse(value)
        except ValueError:
            self.fail(f"expected {name} as {wanted}. Received: {value!r}.", line)

    def whole(self, name: str, default: int | None = None, smallest: int = 1) -> int:
        line = self.options[name][1] if name in self.options else self.line
        number = self.take(name, int, "a whole number", default)
        if number < smallest:
            self.fail(f"expected {name} of at least {smallest}. Received: {number}.", line)
        return number

    def only(self, name: str, allowed: tuple[int, ...], default: int | None = None) -> int:
        """Read a whole number of which the YOLOv2 family knows a few values."""
        line = self.options[name][1] if name in self.options else self.line
        number = self.whole(name, default, smallest=0)
        if number not in allowed:
            self.fail(f"expected {name} {' or '.join(map(str, allowed))}, as in YOLOv2. Received: {number}.", line)
        return number

    def check_all_read(self) -> None:
        for name, (_, line) in self.options.items():
            if name not in TRAINING_OPTIONS[self.kind]:
                self.fail(f"the option {name} is not one of YOLOv2's.", line)


def read_cfg(path: str | Path) -> Network:
    """Read a YOLOv2 network from a Darknet cfg file.

    Args:
        path: the file; its name without suffix becomes the network's.

    Returns:
        The network. Its class names are the numbers of the classes, since a cfg file has no names.

    Raises:
        ModelError: the file is missing or unreadable, or describes anything but a network of this family: with the
            line and the section.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ModelError(f"{path}: expected a Darknet cfg file, received: {error.strerror}.") from error
    sections = _split(path, text)
    if not sections or sections[0].kind != "net":
        raise ModelError(f"{path}: expected a Darknet cfg file, which begins with [net] and goes on with its layers.")

    net, *body, region = sections if len(sections) > 1 else [*sections, sections[0]]
    if region.kind != "region":
        region.fail("expected [region] as the last section.")

    input_shape = net.whole("height"), net.whole("width"), net.whole("channels")
    layers: list[Layer] = []
    shapes: list[Shape] = []
    for section in body:
        layer = _layer(section)
        try:
            shapes.append(output_shape(layer, shapes, input_shape))
        except ModelError as error:
            section.fail(str(error))
        layers.append(layer)
    anchors, classes = _region(region)
    expected = len(anchors) * (NUMBERS_PER_BOX + classes)
    head = layers[-1] if layers else None
    if not isinstance(head, Convolution) or head.normalized or head.leaky or head.filters != expected:
        (body or [region])[-1].fail(
            f"expected before [region] a linear convolution without batch norm, of {expected} filters: num "
            f"{len(anchors)} x (coords 4 + 1 + classes {classes}). Received: {head}."
        )
    return Network(path.stem, tuple(layers), input_shape, anchors, tuple(map(str, range(classes))))


def _split(path: Path, text: str) -> list[_Section]:
    sections: list[_Section] = []
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.split("#")[0].strip()
        if not line or line.startswith(";"):
            continue
        if line.startswith("["):
            kind = line.strip("[] \t")
            sections.append(_Section(path, SHORT_NAMES.get(kind, kind), number))
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        if not sections or not equals:
            raise ModelError(f"{path}, line {number}: expected [section] or name=value. Received: {line[:60]!r}.")
        # Darknet reads the first of two options of one name.
        sections[-1].options.setdefault(name, (value, number))
    return sections


def _layer(section: _Section) -> Layer:
    """Read one layer; every option of its section must be known."""
    layer: Layer
    match section.kind:
        case "convolutional":
            layer = _convolution(section)
        case "maxpool":
            stride = section.only("stride", (1, 2), 1)
            size = section.only("size", (2,), stride)
            section.only("padding", (size - 1,), size - 1)
            layer = MaxPool(stride)
        case "route":
            layer = Route(section.take("layers", _whole_numbers, "numbers of layers"))
        case "reorg":
            section.only("stride", (2,), 1)
            for name in ("reverse", "flatten", "extra"):
                section.only(name, (0,), 0)
            layer = Reorg()
        case "region":
            section.fail("expected nothing after the first [region].")
        case _:
            section.fail(
                "not a section of a YOLOv2 network, which has [convolutional], [maxpool], [route], [reorg], [region]."
            )
    section.check_all_read()
    return layer


def _convolution(section: _Section) -> Convolution:
    filters, size = section.whole("filters", 1), section.whole("size", 1)
    section.only("stride", (1,), 1)
    section.only("groups", (1,), 1)
    for name in ("binary", "xnor", "flipped", "dot"):
        section.only(name, (0,), 0)
    # pad=1 asks for half a kernel of padding, in place of what `padding` says.
    padding = section.whole("padding", 0, smallest=0)
    if section.whole("pad", 0, smallest=0):
        padding = size // 2
    if size % 2 == 0 or padding != size // 2:
        section.fail(f"expected an odd size and a padding of half of it. Received: size {size}, padding {padding}.")
    activation = section.take("activation", str, "a name", "logistic")
    if activation not in ("leaky", "linear"):
        section.fail(f"expected activation leaky or linear. Received: {activation!r}.")
    normalized = section.only("batch_normalize", (0, 1), 0) == 1
    return Convolution(filters, size, normalized, leaky=activation == "leaky")


def _region(section: _Section) -> tuple[Anchors, int]:
    """Read anchors and number of classes; refuse what would decode the output in another way."""
    num, classes = section.whole("num", 1), section.whole("classes", 20)
    section.only("coords", (4,), 4)
    section.only("softmax", (1,), 0)
    section.only("background", (0,), 0)
    line = section.options["anchors"][1] if "anchors" in section.options else None
    numbers = section.take("anchors", _numbers, "positive numbers")
    if len(numbers) != 2 * num:
        section.fail(
            f"expected {2 * num} anchors, width and height for each of num={num}. Received: {len(numbers)}.", line
        )
    section.check_all_read()
    return tuple(zip(numbers[::2], numbers[1::2], strict=True)), classes


def _whole_numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _numbers(text: str) -> tuple[float, ...]:
    numbers = tuple(float(part) for part in text.split(","))
    if not all(0 < number < math.inf for number in numbers):
        raise ValueError
    return numbers
