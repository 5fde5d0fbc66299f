"""State dicts in files: what is read, what is recognised, and what is refused. tests/parity/ compares the results."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save, save_file

from keras_cv_course.convert.torchvision import load_torchvision_resnet, read_state_dict, recognise_depth
from keras_cv_course.errors import MissingExtraError, ModelError, WeightsError
from keras_cv_course.models.resnet import resnet

# Names and shapes as PyTorch's own networks list them, for seven classes.
LISTINGS = Path(__file__).parents[1] / "parity" / "torchvision_resnet.npz"
State = dict[str, np.ndarray]


def shapes(depth: int) -> dict[str, tuple[int, ...]]:
    with np.load(LISTINGS) as file:
        lines = [line.split() for line in file[f"listing{depth}"]]
    return {name: tuple(map(int, sizes)) for name, *sizes in lines}


@pytest.fixture(scope="module")
def resnet18() -> State:
    """Give a whole state dict, every number in it another."""
    draw = np.random.default_rng(0)
    return {
        name: np.array(5) if name.endswith("tracked") else draw.random(shape, np.float32)
        for name, shape in shapes(18).items()
    }


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Callable[[State], Path]:
    """Write to one path again and again: each file has 47 MB."""
    path = tmp_path_factory.mktemp("state") / "weights.safetensors"

    def write(state: State) -> Path:
        save_file(state, path)
        return path

    return write


def test_every_tensor_finds_its_place(resnet18: State, write: Callable[[State], Path]) -> None:
    model = load_torchvision_resnet(write(resnet18), (64, 96, 3))
    assert (model.name, model.input_shape, model.output_shape) == ("resnet18", (None, 64, 96, 3), (None, 7))
    weights = {variable.path: np.asarray(variable) for variable in model.weights}
    assert len(weights) == len([name for name in resnet18 if not name.endswith("tracked")])
    for path, name in {
        "stem_conv/kernel": "conv1.weight",
        "stem_bn/gamma": "bn1.weight",
        "stage2_block2_conv1/kernel": "layer1.1.conv1.weight",
        "stage3_block1_conv2_bn/beta": "layer2.0.bn2.bias",
        "stage4_block1_shortcut/kernel": "layer3.0.downsample.0.weight",
        "stage4_block1_shortcut_bn/moving_mean": "layer3.0.downsample.1.running_mean",
        "stage5_block2_conv2_bn/moving_variance": "layer4.1.bn2.running_var",
        "predictions/bias": "fc.bias",
    }.items():
        tensor = resnet18[name]
        np.testing.assert_array_equal(
            weights[path], np.moveaxis(tensor, (0, 1), (-1, -2)) if tensor.ndim > 1 else tensor
        )
    np.testing.assert_array_equal(weights["predictions/kernel"], resnet18["fc.weight"].T)


def test_training_goes_on_with_pytorch_s_momentum(resnet18: State, write: Callable[[State], Path]) -> None:
    norm = load_torchvision_resnet(write(resnet18), (64, 64, 3)).get_layer("stage5_block2_conv2_bn")
    assert (norm.momentum, norm.epsilon) == (0.9, 1e-5)


@pytest.mark.parametrize("dropped", ["nothing", "fc.", "num_batches_tracked"])
def test_without_the_top(dropped: str, resnet18: State, write: Callable[[State], Path]) -> None:
    path = write({name: array for name, array in resnet18.items() if dropped not in name})
    assert load_torchvision_resnet(path, (64, 64, 3), include_top=False).output_shape == (None, 2, 2, 512)


def test_files_of_old_pytorch_count_no_batches(resnet18: State, write: Callable[[State], Path]) -> None:
    path = write({name: array for name, array in resnet18.items() if not name.endswith("tracked")})
    assert load_torchvision_resnet(path, (64, 64, 3)).output_shape == (None, 7)


def without(name: str) -> Callable[[State], State]:
    return lambda state: {key: array for key, array in state.items() if key != name}


def changed(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[State], State]:
    return lambda state: {**state, name: change(state[name])}


def with_first(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array.flat[0] = value
        return array

    return change


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (without("layer3.0.downsample.1.running_var"), r"Missing in the file: layer3.0.downsample.1.running_var; only"),
        (without("fc.bias"), r"Missing in the file: fc.bias; only in the file: none; of another shape: none\."),
        (without("fc.weight"), "expected fc.weight.*include_top=False"),
        (without("layer1.0.conv1.weight"), "Missing in the file: layer1.0.conv1.weight; only"),
        (lambda state: {**state, "layer2.0.se.weight": np.ones(3)}, "only in the file: layer2.0.se.weight; of"),
        (lambda state: {**state, "bn9.num_batches_tracked": np.array(1)}, "only in the file: bn9.num_batches_tracked;"),
        (
            changed("layer1.0.conv2.weight", lambda array: array[..., :1]),
            r"of another shape: layer1.0.conv2.weight \(expected \(64, 64, 3, 3\), received \(64, 64, 3, 1\)\)",
        ),
        (changed("bn1.bias", lambda array: array[:, None]), r"bn1.bias \(expected \(64,\), received \(64, 1\)\)"),
        (changed("fc.weight", lambda array: array.T), r"fc.bias .*fc.weight \(expected \(512, 512\), received"),
        (changed("fc.weight", lambda array: array[:0]), r"\(classes, features\). Received: \(0, 512\)"),
        (changed("fc.weight", lambda array: array[0]), r"\(classes, features\). Received: \(512,\)"),
        (changed("bn1.running_var", with_first(np.nan)), "NaN or infinity in bn1.running_var"),
        (changed("conv1.weight", with_first(np.inf)), "NaN or infinity in conv1.weight"),
        (changed("conv1.weight", lambda array: array * np.float64(1e300)), "NaN or infinity in conv1.weight"),
        (changed("bn1.weight", lambda array: array.astype(np.int8)), r"floating-point weights.*bn1.weight \(int8\)"),
    ],
)
def test_state_that_does_not_fit_is_refused(
    edit: Callable[[State], State], message: str, resnet18: State, write: Callable[[State], Path]
) -> None:
    with pytest.raises(WeightsError, match=f"weights.safetensors.*{message}"):
        load_torchvision_resnet(write(edit(resnet18)), (64, 64, 3))


def test_wrong_number_of_input_channels_is_refused(resnet18: State, write: Callable[[State], Path]) -> None:
    with pytest.raises(WeightsError, match=r"conv1.weight \(expected \(64, 1, 7, 7\), received \(64, 3, 7, 7\)\)"):
        load_torchvision_resnet(write(resnet18), (64, 64, 1))


def empty_state(depth: int) -> State:
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes(depth).items()}


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_depth_is_recognised(depth: int) -> None:
    assert recognise_depth(empty_state(depth), origin="here") == depth


def wide_resnet50() -> State:
    return {**empty_state(50), "layer1.0.conv1.weight": np.zeros((128, 64, 1, 1))}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (wide_resnet50(), r"shape \(128, 64, 1, 1\). Wide ResNets and ResNeXts .* not supported"),
        ({"features.0.weight": np.zeros(3)}, r"Received: \(0, 0, 0, 0\) plain blocks .* the names features.0.weight"),
        ({}, "the names none"),
        ({f"backbone.{name}": array for name, array in empty_state(18).items()}, "backbone.bn1.bias, .* more"),
        (
            {name: array for name, array in empty_state(50).items() if not name.startswith("layer4.2.")},
            r"\(3, 4, 6, 2\) bottleneck blocks",
        ),
    ],
    ids=["wide", "VGG", "nothing", "a detector's", "a block short"],
)
def test_other_networks_are_refused(state: State, message: str) -> None:
    with pytest.raises(WeightsError, match=f"here: expected .*{message}"):
        recognise_depth(state, origin="here")


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_floats_become_float32(dtype: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(dtype)
    save_file({"x": np.asarray(values)}, tmp_path / "x.safetensors")
    read = read_state_dict(tmp_path / "x.safetensors")
    assert list(read) == ["x"]
    assert (read["x"].dtype, read["x"].shape) == (np.float32, shape)
    np.testing.assert_array_equal(read["x"], values.astype(np.float32))


@pytest.mark.parametrize("kind", ["?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8"])
def test_whole_numbers_stay_as_they_are(kind: str, tmp_path: Path) -> None:
    values = np.array([[0, 1], [1, 0]], kind)
    save_file({"x": values}, tmp_path / "x.safetensors")
    read = read_state_dict(tmp_path / "x.safetensors")["x"]
    assert read.dtype == values.dtype
    np.testing.assert_array_equal(read, values)


def test_prefix_of_data_parallel_is_taken_off(tmp_path: Path) -> None:
    save_file({"module.a": np.ones(1), "module.module.b": np.ones(1)}, tmp_path / "x.safetensors")
    assert read_state_dict(tmp_path / "x.safetensors").keys() == {"a", "module.b"}
    save_file({"module.a": np.ones(1), "b": np.ones(1)}, tmp_path / "x.safetensors")
    assert read_state_dict(tmp_path / "x.safetensors").keys() == {"module.a", "b"}


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    save_file({"x": np.ones(2, np.complex64)}, tmp_path / "x.safetensors")
    with pytest.raises(WeightsError, match="Received: x of C64"):
        read_state_dict(tmp_path / "x.safetensors")


def test_missing_file_and_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        read_state_dict(tmp_path / "x.safetensors")
    with pytest.raises(WeightsError, match=r"\.safetensors, \.pth, \.pt\. Received: .*x\.h5"):
        read_state_dict(tmp_path / "x.h5")


WHOLE = save({"conv1.weight": np.ones((2, 3), np.float32), "bn1.bias": np.ones(2, np.float16)})


@given(length=st.integers(0, len(WHOLE) - 1))
def test_cut_file_is_refused(length: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.safetensors"
    path.write_bytes(WHOLE[:length])
    with pytest.raises(WeightsError, match=r"cut.safetensors: the file is damaged or no safetensors file \("):
        read_state_dict(path)


@given(place=st.integers(0, len(WHOLE) - 1), garbage=st.binary(min_size=1, max_size=4))
def test_garbled_file_is_read_or_refused(place: int, garbage: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "garbled.safetensors"
    path.write_bytes(WHOLE[:place] + garbage + WHOLE[place + len(garbage) :])
    try:
        state = read_state_dict(path)
    except WeightsError:
        return
    assert all(array.dtype.kind in "fiub" for array in state.values())


@pytest.mark.parametrize("suffix", [".pth", ".pt"])
def test_pth_needs_pytorch(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / f"x{suffix}").write_bytes(b"")
    with pytest.raises(MissingExtraError, match=f"a {suffix} file needs PyTorch.*pip install torch.*safetensors"):
        read_state_dict(tmp_path / f"x{suffix}")


@pytest.mark.parametrize("form", ["alone", "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_forms_of_a_checkpoint(form: str, prefix: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    tensors = {
        "a": torch.nn.Parameter(torch.tensor([1.5, 2.5])),
        "b": torch.tensor([0.1], dtype=torch.bfloat16),
        "c": torch.tensor([[0.1, 0.2], [0.3, 0.4]], dtype=torch.float64).T,
        "d": torch.tensor(7),
    }
    state = {prefix + name: tensor for name, tensor in tensors.items()}
    torch.save(state if form == "alone" else {"epoch": 3, form: state, "optimizer": {}}, tmp_path / "x.pth")
    read = read_state_dict(tmp_path / "x.pth")
    assert {name: array.dtype.name for name, array in read.items()} == {
        "a": "float32",
        "b": "float32",
        "c": "float32",
        "d": "int64",
    }
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(read[name], tensor.detach().float().numpy())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda torch: torch.nn.Linear(2, 3), "other Python objects.*model.state_dict"),
        (lambda torch: {"model": {"a": torch.ones(1)}, "args": argparse.Namespace(lr=1)}, "other Python objects"),
        (lambda torch: [torch.ones(1)], "expected a dict of tensors by name. Received: list"),
        (lambda torch: torch.ones(1), "expected a dict of tensors by name. Received: Tensor"),
        (lambda torch: {"net": {"a": torch.ones(1)}, "epoch": 3}, "Received also: 'epoch': int, 'net': dict"),
        (lambda torch: {"a": torch.ones(2, dtype=torch.complex64)}, "Received: a of torch.complex64"),
        (lambda torch: {"a": torch.ones(2).to(torch.float8_e4m3fn)}, "Received: a of torch.float8_e4m3fn"),
        (lambda torch: {"a": torch.eye(2).to_sparse()}, "Received: a of torch.float32, torch.sparse_coo"),
        (lambda torch: {"a": torch.ones(2, device="meta")}, "Received: a of torch.float32, .* on meta"),
    ],
)
def test_other_contents_of_a_checkpoint_are_refused(make: Callable[[Any], Any], message: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(make(torch), tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=f"x.pth: .*{message}"):
        read_state_dict(tmp_path / "x.pth")


@pytest.mark.parametrize("zipped", [True, False])
def test_cut_checkpoint_is_refused(zipped: bool, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.ones(50)}, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    whole = (tmp_path / "x.pth").read_bytes()
    assert read_state_dict(tmp_path / "x.pth")["a"].shape == (50,)
    for contents in (b"no checkpoint", *(whole[:length] for length in range(0, len(whole), 31))):
        (tmp_path / "x.pth").write_bytes(contents)
        with pytest.raises(WeightsError, match="a damaged file"):
            read_state_dict(tmp_path / "x.pth")


def test_unknown_variant_is_refused() -> None:
    with pytest.raises(ModelError, match=r"one of \['paper', 'torchvision'\]. Received: 'timm'"):
        resnet(18, variant="timm")
