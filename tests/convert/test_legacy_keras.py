"""What is read from old Keras files and what is refused. tests/parity/ compares what the models compute."""

import base64
import json
import marshal
from collections.abc import Callable
from pathlib import Path
from types import FunctionType

import h5py
import keras
import numpy as np
import pytest
from course_model import write_checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cv_course.convert.keras2_layers import StoredLayer, detector_of_stored_layers
from keras_cv_course.convert.legacy_keras import load_course_model, load_yolo_h5
from keras_cv_course.errors import ModelError, WeightsError

CLASSES = ("car", "bus")
ANCHORS = np.array([[1, 2], [3, 1.5], [0.5, 0.5]])
Shapes = dict[str, tuple[int, ...]]


def conv(size: int, inputs: int, filters: int) -> list[Shapes]:
    per_filter = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (filters,))
    return [{"kernel": (size, size, inputs, filters)}, per_filter]


BEFORE = [
    *conv(3, 3, 32),
    *conv(3, 32, 64),
    *conv(3, 64, 128) + conv(1, 128, 64) + conv(3, 64, 128),
    *conv(3, 128, 256) + conv(1, 256, 128) + conv(3, 128, 256),
    *conv(3, 256, 512) + conv(1, 512, 256) + conv(3, 256, 512) + conv(1, 512, 256) + conv(3, 256, 512),
    *conv(3, 512, 1024) + conv(1, 1024, 512) + conv(3, 512, 1024) + conv(1, 1024, 512) + conv(3, 512, 1024),
]
MAIN = [*conv(3, 1024, 1024), *conv(3, 1024, 1024)]
BRANCH = conv(1, 512, 64)
AFTER = [*conv(3, 1280, 1024), {"kernel": (1, 1, 1024, 21), "bias": (21,)}]  # 21 = 3 anchors x (5 + 2 classes)
NETWORK = [*BEFORE, *MAIN, *BRANCH, *AFTER]
# The two lines from the middle of the network to its end, in orders that distances from the output can give.
ORDERS = {
    "as in the course": [*MAIN[:2], BRANCH[0], BRANCH[1], *MAIN[2:]],
    "branch first": [*BRANCH, *MAIN],
    "branch last": [*MAIN, *BRANCH],
    "alternating": [MAIN[0], BRANCH[0], MAIN[1], BRANCH[1], *MAIN[2:]],
}


def stored_layers(layers: list[Shapes]) -> list[StoredLayer]:
    """Give layers whose numbers are all the place of the layer's weight in `NETWORK`, plus 1."""
    places = {id(shapes): place for place, shapes in enumerate(NETWORK, start=1)}

    def stored(shapes: Shapes) -> StoredLayer:
        value = places[id(shapes)]
        return StoredLayer(f"layer {value}", shapes, lambda weight: np.full(shapes[weight], value, np.float32))

    return [stored(shapes) for shapes in layers]


@pytest.mark.parametrize("middle", [pytest.param(layers, id=name) for name, layers in ORDERS.items()])
def test_every_order_of_the_two_lines(middle: list[Shapes]) -> None:
    layers = stored_layers([*BEFORE, *middle, *AFTER])
    model = detector_of_stored_layers(layers, CLASSES, ANCHORS, (32, 32), origin="test").model
    names = [name for number in range(1, 23) for name in (f"conv{number}", f"conv{number}_bn")] + ["head"]
    assert len(model.weights) == 22 * 5 + 2
    for variable in model.weights:
        place = names.index(variable.path.split("/")[0]) + 1  # in the order of the network, the branch after both
        assert np.asarray(variable).flat[0] == np.asarray(variable).flat[-1] == place, variable.path


@pytest.fixture
def write_h5(tmp_path: Path) -> Callable[..., Path]:
    """Write a file as Keras 2 does. Its numbers are all 0 and take no space on the disk."""

    def write(
        layers: list[Shapes], *, dtype: str = "f4", group: str | None = "model_weights", config: object = None
    ) -> Path:
        path = tmp_path / "yolo.h5"
        with h5py.File(path, "w") as file:
            top = file if group is None else file.create_group(group)
            names = [f"layer_{place}" for place in range(len(layers))]
            # Every model has layers without weights as well.
            top.attrs["layer_names"] = np.array([b"input_1", *(name.encode() for name in names)])
            top.create_group("input_1").attrs["weight_names"] = np.array([], "S1")
            for name, shapes in zip(names, layers, strict=True):
                own = top.create_group(name)
                own.attrs["weight_names"] = np.array([f"{name}/{weight}:0".encode() for weight in shapes], "S40")
                for weight, shape in shapes.items():
                    own.create_dataset(f"{name}/{weight}:0", shape, dtype)
            if config is not None:
                file.attrs["model_config"] = json.dumps(config)
        return path

    return write


@pytest.mark.parametrize("group", ["model_weights", None], ids=["whole model", "weights alone"])
def test_a_keras_2_file(write_h5: Callable[..., Path], group: str | None) -> None:
    detector = load_yolo_h5(
        write_h5([*BEFORE, *BRANCH, *MAIN, *AFTER], group=group), CLASSES, ANCHORS, input_size=(64, 96)
    )
    assert (detector.input_size, detector.resize, detector.class_names) == ((64, 96), "stretch", CLASSES)
    assert detector.model.output_shape == (None, 2, 3, 21)
    assert all(not np.asarray(variable).any() for variable in detector.model.weights)
    np.testing.assert_array_equal(detector.anchors, ANCHORS.astype(np.float32))


def test_code_in_the_file_is_not_run(write_h5: Callable[..., Path], tmp_path: Path) -> None:
    marker = tmp_path / "was run"
    code = compile(f"def passthrough(x):\n open({str(marker)!r}, 'w').close()\n return x", "yolo.h5", "exec").co_consts[
        0
    ]
    FunctionType(code, {})(0)  # this is what Keras does with it
    assert marker.exists()
    marker.unlink()
    function = [base64.b64encode(marshal.dumps(code)).decode(), None, None]
    layers = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "name": "input_1"}},
        {"class_name": "Lambda", "config": {"name": "l", "function": function, "function_type": "lambda"}},
    ]
    path = write_h5([conv(3, 3, 32)[0]], config={"class_name": "Sequential", "config": {"name": "s", "layers": layers}})
    with pytest.raises(WeightsError, match="expected YOLOv2"):
        load_yolo_h5(path, CLASSES, ANCHORS)
    assert not marker.exists()


WRONG_NETWORKS = [
    # layers, and what the message says
    ([], "Received: 0, 0 and 0 other layers"),
    (conv(3, 3, 32), "Received: 1, 1 and 0 other layers"),
    ([{"kernel": (7, 7, 3, 64), "bias": (64,)}], r"layer_0: expected \{'kernel': \(3, 3, 3, 32\)\}, received"),
    ([*NETWORK[:-1], {"kernel": (1, 1, 1024, 21)}], r"layer_44: expected \{.*'bias': \(21,\)\}, received"),
    ([*NETWORK[:-1], {"kernel": (3, 3, 1024, 21), "bias": (21,)}], r"layer_44: expected .*\(1, 1, 1024, 21\)"),
    ([*NETWORK[:1], {"gamma": (32,), "beta": (32,)}, *NETWORK[2:]], r"layer_1: expected .*moving_mean"),
    ([*NETWORK[:2], *NETWORK[4:]], "Received: 22, 21 and 0 other layers"),
    ([*NETWORK[:2], {"alpha": (32,)}, *NETWORK[2:]], "Received: 23, 22 and 1 other layers"),
    ([*NETWORK[:-1], {"kernel": (), "bias": ()}], r"received \{'kernel': \(\), 'bias': \(\)\}"),
    (
        [*BEFORE, *MAIN, *BRANCH, *conv(3, 1088, 1024), AFTER[-1]],
        r"\(3, 3, 1280, 1024\).*received.*\(3, 3, 1088, 1024\)",
    ),
]


@pytest.mark.parametrize(("layers", "message"), WRONG_NETWORKS)
def test_other_networks(write_h5: Callable[..., Path], layers: list[Shapes], message: str) -> None:
    with pytest.raises(WeightsError, match="expected YOLOv2, 23 convolutions and 22 batch norms") as caught:
        load_yolo_h5(write_h5(layers), CLASSES, ANCHORS)
    assert caught.match(message)


@pytest.mark.parametrize(
    ("classes", "anchors", "message"),
    [
        (
            ("car",),
            ANCHORS,
            r"expected 18 outputs, 3 anchors x \(5 \+ 1 classes\). Received: 21. With 3 .* for 2 classes",
        ),
        (CLASSES, ANCHORS[:2], r"expected 14 outputs, 2 anchors x \(5 \+ 2 classes\). Received: 21. Name"),
        (CLASSES, ANCHORS[:1], r"expected 7 outputs.* With 1 anchors they are for 16 classes"),
    ],
)
def test_wrong_classes_and_anchors(
    write_h5: Callable[..., Path], classes: tuple[str, ...], anchors: np.ndarray, message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        load_yolo_h5(write_h5(NETWORK), classes, anchors)


@pytest.mark.parametrize(
    ("classes", "anchors", "size"),
    [
        ((), ANCHORS, (32, 32)),
        (CLASSES, ANCHORS[:0], (32, 32)),
        (CLASSES, ANCHORS, (32, 40)),
        (CLASSES, -ANCHORS, (32, 32)),
    ],
    ids=["no class", "no anchor", "size", "negative anchors"],
)
def test_impossible_arguments(
    write_h5: Callable[..., Path], classes: tuple[str, ...], anchors: np.ndarray, size: tuple[int, int]
) -> None:
    with pytest.raises(ModelError):
        load_yolo_h5(write_h5(NETWORK), classes, anchors, input_size=size)


@pytest.mark.parametrize(("value", "weight"), [(np.nan, "kernel"), (np.inf, "gamma"), (-1, "moving_variance")])
def test_damaged_numbers(write_h5: Callable[..., Path], value: float, weight: str) -> None:
    path = write_h5(NETWORK)
    layer = 0 if weight == "kernel" else 1
    with h5py.File(path, "a") as file:
        file[f"model_weights/layer_{layer}/layer_{layer}/{weight}:0"][..., -1] = value
    with pytest.raises(WeightsError, match=f"finite numbers and no negative variance.* in {weight} of layer_{layer}"):
        load_yolo_h5(path, CLASSES, ANCHORS, input_size=(32, 32))


def test_whole_numbers_are_no_weights(write_h5: Callable[..., Path]) -> None:
    with pytest.raises(WeightsError, match=r"floating-point weights. Received: layer_0/kernel \(int8\)"):
        load_yolo_h5(write_h5(NETWORK, dtype="i1"), CLASSES, ANCHORS)


def test_numbers_that_no_attribute_lists(write_h5: Callable[..., Path]) -> None:
    path = write_h5(NETWORK)
    with h5py.File(path, "a") as file:
        file["model_weights/layer_0/layer_0/bias:0"] = np.zeros(32, np.float32)
    with pytest.raises(WeightsError, match=r"each weight once .* Received: 1 more"):
        load_yolo_h5(path, CLASSES, ANCHORS)


@pytest.mark.parametrize("kind", ["SoftLink", "ExternalLink", "external storage", "a virtual dataset"])
def test_weights_that_are_elsewhere(write_h5: Callable[..., Path], tmp_path: Path, kind: str) -> None:
    path, shape = write_h5(NETWORK), NETWORK[0]["kernel"]
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["kernel"] = np.ones(shape, np.float32)
    (tmp_path / "other.bin").write_bytes(bytes(4 * int(np.prod(shape))))
    with h5py.File(path, "a") as file:
        own = file["model_weights/layer_0/layer_0"]
        del own["kernel:0"]
        if kind == "SoftLink":
            file["elsewhere"] = np.ones(shape, np.float32)
            own["kernel:0"] = h5py.SoftLink("/elsewhere")
        elif kind == "ExternalLink":
            own["kernel:0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "kernel")
        elif kind == "external storage":
            storage = [(str(tmp_path / "other.bin"), 0, h5py.h5f.UNLIMITED)]
            own.create_dataset("kernel:0", shape, "f4", external=storage)
        else:
            layout = h5py.VirtualLayout(shape, "f4")
            layout[...] = h5py.VirtualSource(str(tmp_path / "other.h5"), "kernel", shape)
            own.create_virtual_dataset("kernel:0", layout)
    with pytest.raises(WeightsError, match=f"in the file itself. Received: layer_0/kernel:0 as {kind}"):
        load_yolo_h5(path, CLASSES, ANCHORS)


def test_a_group_that_is_elsewhere(write_h5: Callable[..., Path], tmp_path: Path) -> None:
    whole = write_h5(NETWORK).rename(tmp_path / "whole.h5")
    with h5py.File(tmp_path / "yolo.h5", "w") as file:
        file["model_weights"] = h5py.ExternalLink(str(whole), "model_weights")
    with pytest.raises(WeightsError, match="Received: model_weights as ExternalLink"):
        load_yolo_h5(tmp_path / "yolo.h5", CLASSES, ANCHORS)


def test_files_that_are_none_of_keras_2(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.h5\. There is no such file"):
        load_yolo_h5(tmp_path / "none.h5", CLASSES, ANCHORS)
    with pytest.raises(WeightsError, match="There is no such file"):
        load_yolo_h5(tmp_path, CLASSES, ANCHORS)
    (tmp_path / "text.h5").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(WeightsError, match=r"text\.h5: the weights cannot be read"):
        load_yolo_h5(tmp_path / "text.h5", CLASSES, ANCHORS)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.save_weights(tmp_path / "keras3.weights.h5")
    with pytest.raises(WeightsError, match=r"a group with the attribute layer_names\. Received: layers"):
        load_yolo_h5(tmp_path / "keras3.weights.h5", CLASSES, ANCHORS)


@settings(max_examples=40)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_that_ends_too_early(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    path = tmp_path_factory.mktemp("h5") / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"conv"])
        file.create_group("conv").attrs["weight_names"] = np.array([b"conv/kernel:0"])
        file["conv/conv/kernel:0"] = np.zeros((3, 3, 3, 32), np.float32)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(WeightsError, match=r"a\.h5: the weights cannot be read"):
        load_yolo_h5(path, CLASSES, ANCHORS)


def test_folders_that_are_no_saved_model_of_the_course(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no folder"):
        load_course_model(tmp_path / "none")
    with pytest.raises(
        WeightsError, match=r"no variables/variables\.index, no variables/variables\.data-00000-of-00001"
    ):
        load_course_model(tmp_path)
    write_checkpoint(tmp_path, {"layer_with_weights-0": {"kernel": np.zeros((3, 3, 3, 32), np.float32)}})
    with pytest.raises(WeightsError, match=r"expected the class names in coco_classes\.txt"):
        load_course_model(tmp_path)
    with pytest.raises(WeightsError, match=r"expected YOLOv2.* Received: 1, 0 and 0 other"):
        load_course_model(tmp_path, class_names=CLASSES, anchors=ANCHORS)
    (tmp_path / "variables" / "variables.data-00000-of-00001").unlink()
    with pytest.raises(WeightsError, match=r"Received: no variables/variables\.data-00000-of-00001"):
        load_course_model(tmp_path)


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\n" * 3])
def test_an_index_that_is_none(tmp_path: Path, content: bytes) -> None:
    write_checkpoint(tmp_path, {"layer_with_weights-0": {"kernel": np.zeros((3, 3, 3, 32), np.float32)}})
    (tmp_path / "variables" / "variables.index").write_bytes(content)
    with pytest.raises(WeightsError, match="the weights cannot be read"):
        load_course_model(tmp_path, class_names=CLASSES, anchors=ANCHORS)


def test_a_saved_model_of_keras_3(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model(np.zeros((1, 4), np.float32))
    model.export(tmp_path / "served", verbose=False)
    with pytest.raises(WeightsError, match=r"keys as layer_with_weights-0/kernel\. Received also: "):
        load_course_model(tmp_path / "served", class_names=CLASSES, anchors=ANCHORS)
