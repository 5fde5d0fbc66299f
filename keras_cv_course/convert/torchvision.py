"""ResNets that PyTorch trained: a state dict with torchvision's tensor names becomes a Keras model.

Source of names, shapes and arithmetic: torchvision/models/resnet.py. Where a tensor goes:

    conv1, bn1                           stem_conv, stem_bn
    layer2.0.conv1, layer2.0.bn1         stage3_block1_conv1, stage3_block1_conv1_bn
    layer2.0.downsample.0, .1            stage3_block1_shortcut, stage3_block1_shortcut_bn
    fc                                   predictions

Kernels change their axes from (out, in, height, width) to (height, width, in, out); no number changes.
"""

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_cv_course.errors import MissingExtraError, WeightsError, first_line, list_few
from keras_cv_course.models.resnet import RESNETS, STAGE_FILTERS, resnet

# What torchvision's weights expect: RGB as 0..1, less the mean, divided by the standard deviation, each per channel.
# Source: torchvision/transforms/_presets.py, ImageClassification.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

BATCH_NORM_MOMENTUM = 0.9  # PyTorch's 0.1, which counts the share of the new statistics

TORCH_LEAVES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
# For a weight of so many axes in Keras: which of them PyTorch has first, second, ...
TORCH_AXES = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}

SAFETENSORS_DTYPES = {
    "BOOL": "?",
    "U8": "<u1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
    "I8": "<i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
}


def load_torchvision_resnet(
    path: str | Path, input_shape: tuple[int | None, int | None, int] = (224, 224, 3), *, include_top: bool = True
) -> keras.Model:
    """Build the Keras ResNet that computes what torchvision's does with the weights in a file.

    The depth follows from the names of the tensors, the number of classes from ``fc.weight``. Every tensor must find
    its place and every place its tensor, each of the shape expected; only ``num_batches_tracked``, which takes no part
    in what a ResNet computes, is passed over, and without the top ``fc``. A file does not say where a network has its
    strides: one that dilates instead has the same names and shapes, and its weights load here to no good.

    Args:
        path: as for :func:`read_state_dict`.
        input_shape: (height, width, channels) of one image; None for a size that may vary.
        include_top: end in the softmax (batch, classes); else in the feature map of stage 5.

    Returns:
        ``resnet(depth, input_shape, classes, variant="torchvision")``: from float32 (batch, height, width, channels),
        normalised as at :data:`IMAGENET_MEAN` for torchvision's own weights, to probabilities where torchvision gives
        logits.

    Raises:
        WeightsError: the file cannot be read, holds another network (wide ResNets and ResNeXts included), or has a
            tensor missing, left over, of another shape, no floating-point numbers, or numbers that are not finite.
        MissingExtraError: a .pth or .pt file, and PyTorch is not installed.
        ModelError: an impossible `input_shape`.
    """
    state = read_state_dict(path)
    depth = recognise_depth(state, origin=str(path))
    classes = _count_classes(state, origin=str(path)) if include_top else 1
    model = resnet(
        depth,
        input_shape,
        classes,
        include_top=include_top,
        batch_norm_momentum=BATCH_NORM_MOMENTUM,
        variant="torchvision",
    )
    variables = {torchvision_name(variable.path): variable for variable in model.weights}
    norms = {name.removesuffix(".running_mean") for name in variables if name.endswith(".running_mean")}
    passed_over = {f"{norm}.num_batches_tracked" for norm in norms}
    if not include_top:
        passed_over |= {"fc.weight", "fc.bias"}
    state = {name: array for name, array in state.items() if name not in passed_over}

    check_state(state, {name: _torch_shape(variable.shape) for name, variable in variables.items()}, str(path))
    for name, variable in variables.items():
        variable.assign(state[name].transpose(np.argsort(TORCH_AXES[len(variable.shape)])))
    return model


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """Read the tensors of a PyTorch checkpoint.

    Two wrappers are taken off: the outer dict of a training checkpoint, where the weights are its ``"state_dict"`` or
    ``"model"``, and the prefix ``module.`` that DataParallel gives to every name. No code from the file is run.

    Args:
        path: ``.safetensors``; or ``.pth`` or ``.pt``, which need PyTorch.

    Returns:
        Arrays by name: float32 for any floating-point tensor of 16, 32 or 64 bits, integers and bools as they are.

    Raises:
        WeightsError: no such file, another suffix, a damaged file, or one with anything but tensors in it.
        MissingExtraError: a .pth or .pt file, and PyTorch is not installed.
    """
    path = Path(path)
    readers = {".safetensors": _read_safetensors, ".pth": _read_torch, ".pt": _read_torch}
    if path.suffix not in readers:
        raise WeightsError(f"Expected a PyTorch state dict: a file {', '.join(readers)}. Received: {str(path)!r}.")
    if not path.is_file():
        raise WeightsError(f"Expected a PyTorch state dict at {path}. There is no such file.")
    state = readers[path.suffix](path)
    if all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): array for name, array in state.items()}
    with np.errstate(over="ignore"):  # a float64 too large for float32 becomes infinite, and infinity is refused later
        return {
            name: array.astype("f4", copy=False) if array.dtype.kind == "f" else array for name, array in state.items()
        }


def recognise_depth(state: dict[str, np.ndarray], *, origin: str) -> int:
    """Tell from its tensors which ResNet a state dict belongs to.

    Args:
        state: arrays by torchvision's names; only names and the shape of ``layer1.0.conv1.weight`` matter.
        origin: where it comes from, for the message.

    Returns:
        18, 34, 50, 101 or 152.

    Raises:
        WeightsError: it belongs to none of them.
    """
    places = {tuple(name.split(".")[:2]) for name in state}
    blocks = tuple(sum(part[0] == f"layer{number}" for part in places) for number in (1, 2, 3, 4))
    bottleneck = any(name.endswith(".conv3.weight") for name in state)
    depths = [depth for depth, known in RESNETS.items() if (known.blocks, known.bottleneck) == (blocks, bottleneck)]
    if not depths:
        raise WeightsError(
            f"{origin}: expected torchvision's names for a ResNet-{', '.join(map(str, RESNETS))} (conv1.weight, "
            f"layer1.0.conv1.weight, ..., fc.bias). Received: {blocks} {'bottleneck' if bottleneck else 'plain'} "
            f"blocks in layer1 to layer4, and the names {list_few(state)}."
        )
    first = state.get("layer1.0.conv1.weight")
    if first is not None and first.shape[:1] != STAGE_FILTERS[:1]:
        raise WeightsError(
            f"{origin}: expected {STAGE_FILTERS[0]} filters in layer1.0.conv1.weight, as in every ResNet. Received: "
            f"shape {first.shape}. Wide ResNets and ResNeXts have the names of a ResNet and are not supported."
        )
    return depths[0]


def torchvision_name(variable_path: str) -> str:
    """Translate the path of a variable: ``stage3_block1_conv2_bn/gamma`` -> ``layer2.0.bn2.weight``."""
    layer, leaf = variable_path.split("/")
    block = re.fullmatch(r"stage(\d)_block(\d+)_(?:conv(\d)|shortcut)(_bn)?", layer)
    if block is None:
        name = {"stem_conv": "conv1", "stem_bn": "bn1", "predictions": "fc"}[layer]
    else:
        stage, number, conv, norm = block.groups()
        within = f"{'bn' if norm else 'conv'}{conv}" if conv else f"downsample.{1 if norm else 0}"
        name = f"layer{int(stage) - 1}.{int(number) - 1}.{within}"
    return f"{name}.{TORCH_LEAVES[leaf]}"


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError, deserialize

    try:
        tensors = deserialize(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: the file is damaged or no safetensors file ({first_line(error)}).") from error
    state = {}
    for name, tensor in tensors:
        dtype, data = tensor["dtype"], tensor["data"]
        if dtype == "BF16":  # the upper half of a float32, and nothing that NumPy knows
            array = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
        elif dtype in SAFETENSORS_DTYPES:
            array = np.frombuffer(data, SAFETENSORS_DTYPES[dtype])
        else:
            raise _unsupported(path, name, dtype)
        state[name] = array.reshape(tensor["shape"])
    return state


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(
            f"{path}: a {path.suffix} file needs PyTorch, which cannot be imported ({first_line(error)}). Install it "
            f"with `pip install torch`, or save the weights as .safetensors."
        ) from error

    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise any
        raise WeightsError(
            f"{path}: expected tensors and nothing else. Received: a damaged file, or one with other Python objects in "
            f"it (a whole model, settings), which could run code. Write it with torch.save(model.state_dict(), path)."
        ) from error
    state = _unwrapped(checkpoint)
    if not isinstance(state, dict):
        raise WeightsError(f"{path}: expected a dict of tensors by name. Received: {type(state).__name__}.")
    others = [
        f"{name!r}: {type(value).__name__}" for name, value in state.items() if not isinstance(value, torch.Tensor)
    ]
    if others:
        raise WeightsError(
            f"{path}: expected a dict of tensors by name, by itself or as 'state_dict' or 'model' of a training "
            f"checkpoint. Received also: {list_few(others)}. Write it with torch.save(model.state_dict(), path)."
        )
    arrays = {}
    for name, tensor in state.items():
        if tensor.dtype == torch.bfloat16:
            tensor = tensor.float()  # NumPy has no bfloat16
        try:
            array = tensor.detach().numpy()
        except (TypeError, RuntimeError) as error:  # sparse, quantized, 8-bit floats, without data
            raise _unsupported(path, name, f"{tensor.dtype}, {tensor.layout}, on {tensor.device}") from error
        if array.dtype.kind not in "fiub":
            raise _unsupported(path, name, str(tensor.dtype))
        arrays[str(name)] = array
    return arrays


def _unwrapped(checkpoint: Any) -> Any:
    """Take the weights out of a training checkpoint; give anything else back as it is."""
    if isinstance(checkpoint, dict):
        for name in ("state_dict", "model"):
            if isinstance(checkpoint.get(name), dict):
                return checkpoint[name]
    return checkpoint


def _unsupported(path: Path, name: str, kind: str) -> WeightsError:
    return WeightsError(
        f"{path}: expected dense tensors of whole or floating-point numbers (16, 32 or 64 bits). Received: {name} of "
        f"{kind}."
    )


def _count_classes(state: dict[str, np.ndarray], *, origin: str) -> int:
    if "fc.weight" not in state:
        raise WeightsError(f"{origin}: expected fc.weight. Received: no such tensor. Load it with include_top=False.")
    shape = state["fc.weight"].shape
    if len(shape) != 2 or shape[0] < 1:
        raise WeightsError(f"{origin}: expected fc.weight of shape (classes, features). Received: {shape}.")
    return shape[0]


def _torch_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(shape[axis] for axis in TORCH_AXES[len(shape)])


def check_state(
    state: dict[str, np.ndarray],
    expected: dict[str, tuple[int, ...]],
    origin: str,
    network: str = "torchvision's ResNet",
) -> None:
    """Raise WeightsError unless `state` has exactly the names and shapes of `expected` and sound numbers."""
    differing = [
        f"{name} (expected {shape}, received {state[name].shape})"
        for name, shape in expected.items()
        if name in state and state[name].shape != shape
    ]
    missing, left_over = expected.keys() - state.keys(), state.keys() - expected.keys()
    if missing or left_over or differing:
        raise WeightsError(
            f"{origin} was made for another network than {network}. Missing in the file: "
            f"{list_few(missing)}; only in the file: {list_few(left_over)}; of another shape: {list_few(differing)}."
        )
    integers = [f"{name} ({array.dtype})" for name, array in state.items() if array.dtype != np.float32]
    if integers:
        raise WeightsError(f"{origin}: expected floating-point weights. Received: {list_few(integers)}.")
    not_finite = [name for name, array in state.items() if not np.isfinite(array).all()]
    if not_finite:
        raise WeightsError(f"{origin}: expected finite weights. Received: NaN or infinity in {list_few(not_finite)}.")
