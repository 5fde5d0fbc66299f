"""Pretrained networks without their classifier, each with the preprocessing that it was trained with.

A backbone is asked for by name:

- ``mobilenetv2``, ``efficientnetb0``, ``resnet50``, ... any function of ``keras.applications`` in small letters, with
  ImageNet weights from Keras's own files; ``mobilenet-0.25`` and the like for the narrow MobileNets (the number is
  Keras's ``alpha``).
- ``signs-resnet50``, ``road-yolov2``: shipped models of this package; of the detector the layers of Darknet-19.
- a run folder or ``.keras`` file: a classifier that was trained here before.
- a ``.safetensors`` or ``.pth`` file: a ResNet by torchvision's names, ImageNet weights assumed.
"""

import difflib
import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_cv_course.convert.open_detector import open_detector
from keras_cv_course.convert.torchvision import IMAGENET_MEAN, IMAGENET_STD, load_torchvision_resnet
from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.classifier import load_classifier
from keras_cv_course.models.keras_weights import build_application
from keras_cv_course.models.pixels import white_level
from keras_cv_course.models.resnet import resnet
from keras_cv_course.models.yolov2 import darknet_body
from keras_cv_course.pretrained import PackedDetector, classifiers, detectors

# The networks were trained at 224x224 and find more in larger pictures (Touvron et al., "Fixing the train-test
# resolution discrepancy", 2019).
DEFAULT_SIZE = (320, 320)
_TORCH_SUFFIXES = (".safetensors", ".pth", ".pt")


@dataclass(frozen=True)
class Preprocessing:
    """What a network wants its input to be, as a function of RGB pixels 0..255: scale, add, turn round.

    Attributes:
        scale: factor of each of red, green and blue.
        offset: added to each afterwards.
        bgr: blue first.
    """

    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    bgr: bool = False

    def __call__(self, x: Any) -> Any:
        """Apply to a symbolic image tensor with plain Keras layers; what changes nothing is left out."""
        if self.scale != (1, 1, 1) or self.offset != (0, 0, 0) or self.bgr:
            alike = len(set(self.scale)) == len(set(self.offset)) == 1
            scale, offset = (self.scale[0], self.offset[0]) if alike else (list(self.scale), list(self.offset))
            x = layers.Rescaling(scale, offset=offset, name="preprocessing")(x)
        return keras.ops.flip(x, axis=-1) if self.bgr else x


AS_IT_IS = Preprocessing((1, 1, 1), (0, 0, 0))
FROM_0_TO_1 = Preprocessing((1 / 255,) * 3, (0, 0, 0))
TORCHVISION = Preprocessing(
    tuple(1 / (255 * s) for s in IMAGENET_STD),  # type: ignore[arg-type]
    tuple(-m / s for m, s in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)),  # type: ignore[arg-type]
)


@dataclass(frozen=True)
class Backbone:
    """A network from preprocessed images to a feature map.

    Attributes:
        name: as it was asked for.
        network: from float32 (m, height, width, 3) to (m, h, w, channels).
        preprocessing: from pixels 0..255 to what the network takes.
    """

    name: str
    network: keras.Model
    preprocessing: Preprocessing


def load_backbone(
    name: str, input_size: tuple[int, int] | None = None, *, weights: str | None = "imagenet"
) -> Backbone:
    """Build a backbone with its pretrained weights.

    Args:
        name: see the top of this module.
        input_size: (height, width) of the images; None for what suits the network: its own for
            a classifier of this package, 320x320 for the others.
        weights: for networks of ``keras.applications``: None for random ones.

    Raises:
        ModelError: a size that the network cannot take.
        WeightsError: an unknown name, near names are listed; weights that are not on this machine and cannot be
            fetched, with their file's name, URL and place.
    """
    trained_here = Path(name).suffix == ".keras" or (Path(name) / "model.keras").exists()
    if weights != "imagenet" and (name in _shipped() or trained_here or Path(name).suffix in _TORCH_SUFFIXES):
        raise ModelError(
            f"Only networks of keras.applications come with other weights. Received: {name!r}, {weights!r}."
        )
    if name in classifiers():
        entry = classifiers()[name]
        classifier = load_classifier(name)
        size = input_size or entry.input_size
        network = resnet(entry.depth, (*size, 3), include_top=False, name=name.replace("-", "_"))
        network.set_weights(classifier.model.get_weights()[: len(network.weights)])
        return Backbone(name, network, FROM_0_TO_1)
    if name in _shipped():
        return Backbone(
            name, darknet_body(open_detector(name, input_size=input_size or DEFAULT_SIZE).model), FROM_0_TO_1
        )
    if Path(name).suffix in _TORCH_SUFFIXES:
        network = load_torchvision_resnet(name, (*(input_size or DEFAULT_SIZE), 3), include_top=False)
        return Backbone(name, network, TORCHVISION)
    if trained_here:
        return _trained_here(name, input_size)
    return _keras_application(name, input_size or DEFAULT_SIZE, weights)


def _shipped() -> list[str]:
    """Name the models of this package that are backbones."""
    return [*classifiers(), *(name for name, entry in detectors().items() if isinstance(entry, PackedDetector))]


def _trained_here(source: str, input_size: tuple[int, int] | None) -> Backbone:
    classifier = load_classifier(source)
    if input_size not in (None, classifier.input_size):
        raise ModelError(f"{source} takes images of {classifier.input_size}. Received: the size {input_size}.")
    model = classifier.model
    pooling = next((x for x in reversed(model.layers) if isinstance(x, layers.GlobalAveragePooling2D)), None)
    if pooling is None:
        raise ModelError(f"Expected a classifier that ends in global average pooling. Received: {source}.")
    network = keras.Model(model.inputs, pooling.input, name="network")
    return Backbone(source, network, AS_IT_IS if white_level(model) == 255 else FROM_0_TO_1)


def _keras_application(name: str, size: tuple[int, int], weights: str | None) -> Backbone:
    stem, _, alpha = name.partition("-")
    functions = _application_functions()
    if stem not in functions:
        known = [*_shipped(), *functions]
        near = difflib.get_close_matches(name, known, n=4, cutoff=0.5)
        raise WeightsError(
            f"Expected a backbone: {', '.join(_shipped())}, a run folder, a .keras, .safetensors or .pth file, or a "
            f"network of keras.applications in small letters. Received: {name!r}. "
            f"Near names: {', '.join(near) if near else 'mobilenetv2, mobilenet-0.25, efficientnetb0, resnet50'}."
        )
    module, function = functions[stem]
    options: dict[str, Any] = {"include_top": False, "input_shape": (*size, 3), "weights": weights}
    if alpha:
        if "alpha" not in inspect.signature(function).parameters or not re.fullmatch(r"\d+(\.\d+)?", alpha):
            raise WeightsError(f"Expected a number behind {stem}- that is a width of it. Received: {name!r}.")
        options["alpha"] = float(alpha)
    otherwise = "use the backbone signs-resnet50, which is shipped"
    network = build_application(function, name, otherwise=otherwise, **options)
    return Backbone(name, network, _measure_preprocessing(module.preprocess_input))


def _application_functions() -> dict[str, tuple[Any, Any]]:
    """Give the networks of keras.applications: name in small letters -> (module with preprocess_input, function)."""
    found = {}
    for name, function in vars(keras.applications).items():
        if inspect.isfunction(function):
            module = getattr(keras.applications, function.__module__.rpartition(".")[2])
            found[name.lower()] = (module, function)
    return dict(sorted(found.items()))


def _measure_preprocessing(preprocess: Any) -> Preprocessing:
    """Read scale, offset and order of the colours off a Keras function by what it makes of black and pure colours.

    Each of them is affine in a pixel's colours, in one of three ways that are not told from outside.
    """
    black, *colours = preprocess(np.concatenate([np.zeros((1, 3)), 255 * np.eye(3)])[:, None, None, :].copy())[:, 0, 0]
    matrix = (np.stack(colours) - black) / 255  # [i, j]: what a unit of input channel i adds to output channel j
    bgr = bool(abs(matrix[0, 2]) > 0)
    if bgr:
        matrix, black = matrix[:, ::-1], black[::-1]
    scale, offset = (tuple(float(x) for x in row) for row in (np.diag(matrix), black))
    return Preprocessing(scale, offset, bgr)  # type: ignore[arg-type]
