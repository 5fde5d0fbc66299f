"""Our "torchvision" ResNets against PyTorch with the same weights: the logits and every stage's feature map.

The weights come from a seed, through a state dict and a file. PyTorch's side is a network written here by torchvision's
names; it computes in float64, so all of a difference is the rounding of our float32. Where PyTorch is not installed,
its results for small pictures are read from ``torchvision_resnet.npz``. With PyTorch, this writes that file anew:

    python tests/parity/test_torchvision_resnet.py
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from keras_cv_course.convert.torchvision import load_torchvision_resnet
from keras_cv_course.models.resnet import VARIANTS, ResNet18, ResNet34, ResNet101, ResNet152, resnet, stage_outputs

GOLDEN = Path(__file__).with_name("torchvision_resnet.npz")
GOLDEN_DEPTHS = (18, 50)
GOLDEN_SIZES = ((64, 64), (41, 53), (1, 1))  # (height, width)
GOLDEN_SAMPLES = 128  # numbers kept of a feature map
CLASSES = 7

# Largest difference of a map, divided by its largest number. Measured on a CPU (PyTorch 2.13, TensorFlow 2.21): at most
# 2.7e-6, in ResNet-34 at 224x224 after stage 4; each test prints its own. That is float32 after up to 53 convolutions
# in a row, each a sum of 64 to 4608 products rounded to 6e-8. What must not pass lies far above: see "sees details".
TOLERANCE = 1e-5


def torch_resnet(depth: int, classes: int) -> Any:
    """Write the network down once more, in PyTorch and by torchvision's names; returns logits and stages."""
    from torch import nn
    from torch.nn.functional import max_pool2d, relu

    def convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
        return nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)

    class Block(nn.Module):
        def __init__(self, inputs: int, width: int, stride: int, deep: bool) -> None:
            super().__init__()
            outputs = 4 * width if deep else width
            if deep:
                self.conv1, self.bn1 = convolution(inputs, width, 1), nn.BatchNorm2d(width)
                self.conv2, self.bn2 = convolution(width, width, 3, stride), nn.BatchNorm2d(width)
                self.conv3, self.bn3 = convolution(width, outputs, 1), nn.BatchNorm2d(outputs)
            else:
                self.conv1, self.bn1 = convolution(inputs, width, 3, stride), nn.BatchNorm2d(width)
                self.conv2, self.bn2 = convolution(width, width, 3), nn.BatchNorm2d(width)
            self.downsample = None
            if stride > 1 or inputs != outputs:
                self.downsample = nn.Sequential(convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
            self.deep = deep

        def forward(self, x: Any) -> Any:
            shortcut = x if self.downsample is None else self.downsample(x)
            x = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
            if self.deep:
                x = self.bn3(self.conv3(relu(x)))
            return relu(x + shortcut)

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.bn1 = convolution(3, 64, 7, stride=2), nn.BatchNorm2d(64)
            counts = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
            deep, inputs = depth >= 50, 64
            for number, count in enumerate(counts[depth], start=1):
                width = 32 * 2**number
                blocks = []
                for place in range(count):
                    blocks.append(Block(inputs, width, 2 if number > 1 and place == 0 else 1, deep))
                    inputs = 4 * width if deep else width
                setattr(self, f"layer{number}", nn.Sequential(*blocks))
            self.fc = nn.Linear(inputs, classes)

        def forward(self, x: Any) -> dict[str, Any]:
            out = {"stem": max_pool2d(relu(self.bn1(self.conv1(x))), 3, stride=2, padding=1)}
            out["stage2"] = self.layer1(out["stem"])
            out["stage3"] = self.layer2(out["stage2"])
            out["stage4"] = self.layer3(out["stage3"])
            out["stage5"] = self.layer4(out["stage4"])
            return {**out, "logits": self.fc(out["stage5"].mean((2, 3)))}

    return Network().double().eval()


def seeded_state(listing: list[str]) -> dict[str, np.ndarray]:
    """Make a state dict from lines such as ``conv1.weight 64 3 7 7``; the stream of a RandomState is frozen."""
    draw = np.random.RandomState(11)

    def between(low: float, high: float) -> np.ndarray:
        return draw.uniform(low, high, shape).astype(np.float32)

    state = {}
    for line in listing:
        name, *sizes = line.split()
        shape = tuple(map(int, sizes))
        if name.endswith("num_batches_tracked"):
            state[name] = np.array(1000)
        elif len(shape) > 1:
            largest = np.sqrt(6 / np.prod(shape[1:]))  # He et al., so that the maps keep their size
            state[name] = between(-largest, largest)
        elif name.endswith("running_var"):
            state[name] = between(0.2, 1.5)
        elif name.endswith("running_mean") or name.endswith("bias"):
            state[name] = between(-0.5, 0.5)
        else:
            state[name] = between(-1.2, 1.2)  # gamma, of either sign
    return state


def seeded_images(height: int, width: int) -> np.ndarray:
    return np.random.RandomState(12).uniform(-2.1, 2.6, (2, height, width, 3)).astype(np.float32)


def torch_listing(depth: int) -> list[str]:
    return [
        " ".join(map(str, (name, *tensor.shape))) for name, tensor in torch_resnet(depth, CLASSES).state_dict().items()
    ]


def torch_features(network: Any, images: np.ndarray) -> dict[str, np.ndarray]:
    """Run PyTorch on (batch, height, width, channels) and give its maps in the same order of axes."""
    import torch

    with torch.inference_mode():
        outputs = network(torch.from_numpy(images.transpose(0, 3, 1, 2)).double())
    return {name: np.moveaxis(value.numpy(), 1, -1) for name, value in outputs.items()}


def our_features(model: keras.Model, images: np.ndarray) -> dict[str, np.ndarray]:
    model.get_layer("predictions").activation = keras.activations.linear
    outputs = keras.Model(model.input, {**stage_outputs(model), "logits": model.output})(images)
    return {name: np.asarray(value) for name, value in outputs.items()}


def relative_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


def sample(values: np.ndarray) -> np.ndarray:
    """Pick some numbers of a map, spread over all its places and channels."""
    return np.random.RandomState(13).choice(values.ravel(), GOLDEN_SAMPLES)


def make_golden() -> dict[str, np.ndarray]:
    """Let PyTorch compute what the stored file holds: tensor names of every depth, and samples of its maps."""
    import torch

    golden = {f"listing{depth}": np.array(torch_listing(depth)) for depth in (18, 34, 50, 101, 152)}
    for depth in GOLDEN_DEPTHS:
        network = torch_resnet(depth, CLASSES)
        state = seeded_state(torch_listing(depth))
        network.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
        for height, width in GOLDEN_SIZES:
            for name, values in torch_features(network, seeded_images(height, width)).items():
                kept = values if name == "logits" else sample(values)
                golden[f"resnet{depth} {height}x{width} {name}"] = kept.astype(np.float32)
                golden[f"resnet{depth} {height}x{width} {name} shape"] = np.array(values.shape)
    return golden


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as file:
        return dict(file)


@pytest.mark.parametrize("depth", GOLDEN_DEPTHS)
def test_same_as_pytorch_was(depth: int, golden: dict[str, np.ndarray], tmp_path: Path) -> None:
    save_file(seeded_state(golden[f"listing{depth}"]), tmp_path / "weights.safetensors")
    model = load_torchvision_resnet(tmp_path / "weights.safetensors", (None, None, 3))
    for height, width in GOLDEN_SIZES:
        ours = our_features(model, seeded_images(height, width))
        assert list(ours) == ["stem", "stage2", "stage3", "stage4", "stage5", "logits"]
        for name, values in ours.items():
            key = f"resnet{depth} {height}x{width} {name}"
            assert values.shape == tuple(golden[f"{key} shape"])
            difference = relative_difference(values if name == "logits" else sample(values), golden[key])
            print(f"{key}: {difference:.1e}")
            assert difference < TOLERANCE, key


@pytest.mark.parametrize(("depth", "suffix"), [(18, ".pth"), (34, ".safetensors"), (50, ".pth")])
def test_same_as_pytorch_is(depth: int, suffix: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    state = seeded_state(torch_listing(depth))
    network = torch_resnet(depth, CLASSES)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(network.float().state_dict(), path)
        network.double()
    else:
        save_file(state, path)
    model = load_torchvision_resnet(path, (None, None, 3))
    for height, width in ((224, 224), (97, 131)):
        images = seeded_images(height, width)
        probabilities = np.asarray(model(images))
        theirs, ours = torch_features(network, images), our_features(model, images)
        assert ours.keys() == theirs.keys()
        for name, values in ours.items():
            difference = relative_difference(values, theirs[name])
            print(f"resnet{depth} {height}x{width} {name}: {difference:.1e}")
            assert difference < TOLERANCE, name
        softmax = np.exp(theirs["logits"]) / np.exp(theirs["logits"]).sum(-1, keepdims=True)
        # A softmax moves by less than its logits do.
        np.testing.assert_allclose(probabilities, softmax, atol=TOLERANCE * np.abs(theirs["logits"]).max())
        model.get_layer("predictions").activation = keras.activations.softmax


def test_both_kinds_of_file_give_the_same_weights(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    state = seeded_state(torch_listing(18))
    save_file(state, tmp_path / "a.safetensors")
    torch.save({name: torch.from_numpy(array) for name, array in state.items()}, tmp_path / "b.pt")
    a, b = (load_torchvision_resnet(tmp_path / name, (32, 32, 3)) for name in ("a.safetensors", "b.pt"))
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_stored_results_are_pytorch_s(golden: dict[str, np.ndarray]) -> None:
    pytest.importorskip("torch")
    fresh = make_golden()
    assert fresh.keys() == golden.keys()
    for name, values in fresh.items():
        if values.dtype == np.float32:  # rounded from float64: at most the last bit differs between processors
            np.testing.assert_allclose(values, golden[name], rtol=2e-7, atol=1e-9)
        else:
            np.testing.assert_array_equal(values, golden[name])


@pytest.mark.parametrize("wrong", [{"batch_norm_epsilon": 1e-3}, {"stride_in_3x3": False}])
def test_the_comparison_sees_details(
    wrong: dict[str, Any], golden: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VARIANTS, "torchvision", replace(VARIANTS["torchvision"], **wrong))
    save_file(seeded_state(golden["listing50"]), tmp_path / "weights.safetensors")
    model = load_torchvision_resnet(tmp_path / "weights.safetensors", (64, 64, 3))
    logits = our_features(model, seeded_images(64, 64))["logits"]
    assert relative_difference(logits, golden["resnet50 64x64 logits"]) > 100 * TOLERANCE


# The numbers in torchvision's documentation of its models (https://pytorch.org/vision/stable/models.html).
@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (ResNet18, 11_689_512),
        (ResNet34, 21_797_672),
        (partial(resnet, 50), 25_557_032),
        (ResNet101, 44_549_160),
        (ResNet152, 60_192_808),
    ],
)
def test_as_many_parameters_as_torchvision(build: Callable[..., keras.Model], parameters: int) -> None:
    model = build(variant="torchvision")
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == parameters


if __name__ == "__main__":
    np.savez_compressed(GOLDEN, **make_golden())
