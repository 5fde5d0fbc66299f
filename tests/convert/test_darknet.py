"""Darknet's files: which float goes where, and what is refused. tests/parity/ compares what the models compute."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from darknet_files import cfg_text, drawn_floats, header, thin, tiniest, write_darknet_files
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cv_course.convert.darknet import find_network, load_darknet
from keras_cv_course.convert.darknet_cfg import read_cfg
from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.darknet_layers import Convolution, MaxPool, Reorg, Route
from keras_cv_course.models.yolov2 import COCO_ANCHORS, NETWORKS, Network

SMALL = tiniest()
SMALL_FLOATS = 4 * 4 + 4 * 27 + 4 * 4 + 4 * 36 + 7 + 7 * 20  # norm and kernel twice, bias and kernel of the head


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Write a weights file and its cfg; the numbers count up from 1 unless others are given."""

    def write(floats: np.ndarray | None = None, start: bytes | None = None) -> tuple[Path, Path]:
        if floats is None:
            floats = np.arange(1, SMALL_FLOATS + 1)
        return write_darknet_files(tmp_path, SMALL, floats, start)

    return write


@pytest.mark.parametrize(
    "start",
    [
        header((0, 1, 0), "<i"),
        header((0, 2, 0)),
        header((0, 2, 5)),
        header((1, 0, 0)),
        header((0, 1000, 0), "<i"),
        header((1001, 2, 0), "<i"),
    ],
    ids=["16 bytes", "20 bytes", "revision", "1.0", "old minor", "old major"],
)
def test_every_float_finds_its_place(write: Callable[..., tuple[Path, Path]], start: bytes) -> None:
    model = load_darknet(*write(start=start), batch_norm="gpu").model
    weights = {variable.path: np.asarray(variable) for variable in model.weights}
    place = 1
    for path, shape in [
        ("conv1_bn/beta", (4,)),
        ("conv1_bn/gamma", (4,)),
        ("conv1_bn/moving_mean", (4,)),
        ("conv1_bn/moving_variance", (4,)),
        ("conv1/kernel", (4, 3, 3, 3)),
        ("conv2_bn/beta", (4,)),
        ("conv2_bn/gamma", (4,)),
        ("conv2_bn/moving_mean", (4,)),
        ("conv2_bn/moving_variance", (4,)),
        ("conv2/kernel", (4, 4, 3, 3)),
        ("head/bias", (7,)),
        ("head/kernel", (7, 20, 1, 1)),
    ]:
        numbers = np.arange(place, place + np.prod(shape)).reshape(shape)
        place += numbers.size
        expected = numbers.transpose(2, 3, 1, 0) if len(shape) == 4 else numbers
        np.testing.assert_array_equal(weights.pop(path), expected, err_msg=path)
    assert place == SMALL_FLOATS + 1
    assert not weights


def test_variances_carry_the_cpu_s_offset(write: Callable[..., tuple[Path, Path]]) -> None:
    floats = np.ones(SMALL_FLOATS)
    variances = np.array([0, 1e-10, 1e-3, 2], np.float32)
    floats[12:16] = variances
    norm = load_darknet(*write(floats)).model.get_layer("conv1_bn")
    divisors = np.sqrt(np.asarray(norm.moving_variance, np.float64) + norm.epsilon)
    # What the C program divides by; the variance is rounded to float32 once.
    np.testing.assert_allclose(divisors, np.sqrt(variances.astype(np.float64)) + 1e-6, rtol=1e-7)


def test_the_detector_knows_what_the_cfg_says(write: Callable[..., tuple[Path, Path]]) -> None:
    files = write()
    detector = load_darknet(*files)
    assert (detector.class_names, detector.resize, detector.input_size) == (("0", "1"), "letterbox", (8, 12))
    np.testing.assert_array_equal(detector.anchors, np.array([[1.5, 2.5]], np.float32))
    assert detector.model.name == "tiniest"
    detector = load_darknet(*files, class_names=("cat", "dog"), input_size=(4, 4))
    assert (detector.class_names, detector.input_size) == (("cat", "dog"), (4, 4))
    assert detector.model.output_shape == (None, 1, 1, 7)


def test_a_full_size_file_by_name(tmp_path: Path) -> None:
    path = tmp_path / "downloaded.weights"
    floats = drawn_floats(NETWORKS["yolov2-tiny"], seed=0)
    path.write_bytes(header() + floats.tobytes())
    assert path.stat().st_size == 44_948_600  # as published
    detector = load_darknet(path, "yolov2-tiny", input_size=(32, 32))
    assert detector.class_names[:3] == ("person", "bicycle", "car")
    np.testing.assert_array_equal(detector.anchors, np.array(COCO_ANCHORS, np.float32))
    loaded = np.asarray(detector.model.get_layer("head").kernel)
    np.testing.assert_array_equal(loaded, floats[-512 * 425 :].reshape(425, 512, 1, 1).transpose(2, 3, 1, 0))


def with_value(place: int, value: float) -> np.ndarray:
    floats = np.ones(SMALL_FLOATS)
    floats[place] = value
    return floats


BAD_WEIGHTS = [
    # name, floats, bytes before them, what the message says
    ("one too few", np.ones(SMALL_FLOATS - 1), None, "Received: 430. They end in head: 139 of the 140 of its kernel"),
    (
        "one too many",
        np.ones(SMALL_FLOATS + 1),
        None,
        "Received: 432. 1 of them are left over after the last layer, head",
    ),
    ("in a norm", np.ones(10), None, "They end in conv1_bn: 2 of the 4 of its moving_mean"),
    ("no floats", np.ones(0), None, "Received: 0. They end in conv1_bn: 0 of the 4 of its beta"),
    ("3 bytes more", np.ones(SMALL_FLOATS), header() + b"abc", "Received: 431 and 3 bytes more"),
    ("short header for a long one", np.ones(SMALL_FLOATS), header((0, 2, 0), "<i"), "139 of the 140"),
    ("other classes", np.ones(SMALL_FLOATS + 21), None, "the length for 3 classes"),
    ("much too long", np.ones(5000), None, "damaged or of another network"),
    ("nan", with_value(20, np.nan), None, "NaN or infinity in kernel of conv1"),
    ("infinity", with_value(430, -np.inf), None, "NaN or infinity in kernel of head"),
    ("negative variance", with_value(13, -0.5), None, "-0.5 in moving_variance of conv1_bn"),
    ("page", np.ones(SMALL_FLOATS), b"<!DOCTYPE html><html>", "starts with b'<!DOCTYPE ht'"),
    ("negative version", np.ones(SMALL_FLOATS), header((-1, 0, 0)), "starts with"),
]


@pytest.mark.parametrize(
    ("floats", "start", "message"), [case[1:] for case in BAD_WEIGHTS], ids=[case[0] for case in BAD_WEIGHTS]
)
def test_bad_weights_files(
    write: Callable[..., tuple[Path, Path]], floats: np.ndarray, start: bytes | None, message: str
) -> None:
    weights, cfg = write(floats, start)
    with pytest.raises(WeightsError) as caught:
        load_darknet(weights, cfg)
    assert str(caught.value).startswith(f"{weights}: expected ")
    assert message in str(caught.value)


def test_a_message_tells_how_many_floats_a_network_wants(write: Callable[..., tuple[Path, Path]]) -> None:
    weights, _ = write()
    with pytest.raises(WeightsError, match=r"expected 50,983,561 numbers for yolov2 with 80 classes. Received: 431"):
        load_darknet(weights, "yolov2")


def test_a_file_of_another_known_network_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "a.weights"
    with path.open("wb") as file:  # sparse: the length is all that counts
        file.write(header())
        file.truncate(20 + 4 * 15_867_885)
    with pytest.raises(WeightsError, match="This is the length of yolov2-tiny-voc"):
        load_darknet(path, "yolov2-tiny")


@pytest.mark.parametrize(("content", "message"), [(b"", "0 bytes"), (header()[:15], "15 bytes")])
def test_files_shorter_than_a_header(write: Callable[..., tuple[Path, Path]], content: bytes, message: str) -> None:
    weights, cfg = write()
    weights.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        load_darknet(weights, cfg)


def test_missing_files(write: Callable[..., tuple[Path, Path]], tmp_path: Path) -> None:
    weights, cfg = write()
    with pytest.raises(WeightsError, match=r"none\.weights: .*No such file"):
        load_darknet(tmp_path / "none.weights", cfg)
    with pytest.raises(WeightsError, match="directory"):
        load_darknet(tmp_path, cfg)
    with pytest.raises(ModelError, match=r"none\.cfg: .*No such file"):
        load_darknet(weights, tmp_path / "none.cfg")
    with pytest.raises(ModelError, match=r"yolov2, yolov2-tiny, yolov2-voc, yolov2-tiny-voc, or a \.cfg.*'yolov3'"):
        load_darknet(weights, "yolov3")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"class_names": ("cat",)}, "2 classes: expected as many names. Received: 1"),
        ({"input_size": (8, 10)}, "multiples of 4"),
        ({"batch_norm": "tpu"}, r"\['cpu', 'gpu'\]"),
    ],
)
def test_arguments_that_do_not_fit(
    write: Callable[..., tuple[Path, Path]], arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        load_darknet(*write(), **arguments)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_known_networks_are_those_of_the_cfg_files(real_data: Path, name: str) -> None:
    read, known = read_cfg(real_data / "darknet" / f"{name}.cfg"), find_network(name)
    assert read.layers == known.layers
    assert (read.name, read.input_shape, read.anchors) == (known.name, known.input_shape, known.anchors)
    assert len(read.class_names) == len(known.class_names)


def test_the_cfg_file_of_a_known_network_gets_its_class_names(real_data: Path, tmp_path: Path) -> None:
    official = real_data / "darknet" / "yolov2.cfg"
    assert find_network(official).class_names == NETWORKS["yolov2"].class_names
    own = tmp_path / "own.cfg"
    own.write_text(official.read_text().replace("anchors =  0.57273", "anchors =  0.6"))
    assert find_network(own).anchors[0][0] == 0.6
    assert find_network(own).class_names == tuple(map(str, range(80)))


@pytest.mark.parametrize("network", [SMALL, thin("yolov2", (64, 96, 1), 3), thin("yolov2-tiny", (32, 64, 3), 1)])
def test_a_network_written_down_is_read_again(tmp_path: Path, network: Network) -> None:
    path = tmp_path / f"{network.name}.cfg"
    path.write_text(cfg_text(network))
    assert read_cfg(path) == network


def test_spelling_as_darknet_allows_it(tmp_path: Path) -> None:
    path = tmp_path / "a.cfg"
    path.write_bytes(
        b"# \xe9\r\n\r\n[network]\r\n width = 64 # a comment\r\nheight=32\r\nchannels=3\r\nlearning_rate=.1\r\n"
        b"; another\r\n[conv]\r\nfilters=4\r\nfilters=5\r\nsize=3\r\npadding=1\r\nactivation = leaky\r\n"
        b"stopbackward=1\r\n[max]\r\nstride=2\r\n[reorg]\r\nstride=2\r\n[route]\r\nlayers = -1, -1\r\n"
        b"[conv]\r\nfilters=6\r\nactivation=linear\r\n"
        b"[region]\r\nanchors = 1,2\r\nclasses=1\r\nnum=1\r\nsoftmax=1\r\nthresh=.6\r\nrandom=1\r\n"
    )
    network = read_cfg(path)
    assert network.layers == (
        Convolution(4, 3, normalized=False),
        MaxPool(),
        Reorg(),
        Route((-1, -1)),
        Convolution(6, 1, normalized=False, leaky=False),
    )
    assert (network.input_shape, network.anchors, network.class_names) == ((32, 64, 3), ((1.0, 2.0),), ("0",))


CFG = cfg_text(SMALL)
BAD_CFGS = [
    # what in the cfg is replaced, by what, and what the message says
    ("[reorg]\nstride=2", "[upsample]\nstride=2", r"line \d+, \[upsample\]: not a section of a YOLOv2 network"),
    ("[reorg]\nstride=2", "[shortcut]\nfrom=-2", r"\[shortcut\]: not a section"),
    ("[reorg]\nstride=2", "[reorg]", r"\[reorg\]: expected stride 2, as in YOLOv2. Received: 1"),
    ("[reorg]\nstride=2", "[reorg]\nstride=2\nreverse=1", r"line 39, \[reorg\]: expected reverse 0"),
    ("size=2\nstride=1", "size=3\nstride=1", r"line 27, \[maxpool\]: expected size 2.*Received: 3"),
    ("size=2\nstride=1", "size=2\nstride=3", r"line 28, \[maxpool\]: expected stride 1 or 2.*Received: 3"),
    ("size=2\nstride=1", "size=2\nstride=1\npadding=0", r"line 29, \[maxpool\]: expected padding 1.*Received: 0"),
    ("stride=1\npad=1", "stride=2\npad=1", r"line 10, \[convolutional\]: expected stride 1.*Received: 2"),
    ("size=3", "size=4", r"\[convolutional\]: expected an odd size.*size 4, padding 2"),
    ("pad=1", "pad=0", r"\[convolutional\]: .*size 3, padding 0"),
    ("pad=1", "pad=0\npadding=2", r"\[convolutional\]: .*size 3, padding 2"),
    ("leaky", "mish", r"\[convolutional\]: expected activation leaky or linear. Received: 'mish'"),
    ("activation=leaky", "", r"\[convolutional\]: .*Received: 'logistic'"),
    ("pad=1", "pad=1\ngroups=2", r"line 12, \[convolutional\]: expected groups 1.*Received: 2"),
    ("pad=1", "pad=1\nxnor=1", r"line 12, \[convolutional\]: expected xnor 0"),
    ("pad=1", "pad=1\ndilation=2", r"line 12, \[convolutional\]: the option dilation is not one of YOLOv2's"),
    ("filters=4", "filters=x", r"line 8, \[convolutional\]: expected filters as a whole number. Received: 'x'"),
    ("filters=4", "filters=0", r"line 8, \[convolutional\]: expected filters of at least 1. Received: 0"),
    ("batch_normalize=1", "batch_normalize=2", r"line 7, \[convolutional\]: expected batch_normalize 0 or 1"),
    ("layers=-2", "layers=-7", r"line 34, \[route\]: expected one or more of the 5 layers before it. Received: \[-7\]"),
    ("layers=-2", "layers=", r"line 35, \[route\]: expected layers as numbers of layers. Received: ''"),
    ("layers=-2", "from=2", r"line 34, \[route\]: expected an option layers"),
    ("layers=-1,-3", "layers=-1,-4", r"line 40, \[route\]: expected maps of one height.*2 x 3 x 16, 4 x 6 x 4"),
    ("width=12", "width=10", r"line \d+, \[maxpool\]: expected an even height and width to halve. Received: 4 x 5"),
    ("width=12", "", r"line 1, \[net\]: expected an option width"),
    ("channels=3", "channels=-3", r"line 4, \[net\]: expected channels of at least 1. Received: -3"),
    ("filters=7", "filters=8", r"line 43, .*linear convolution without batch norm, of 7 filters: num 1 x .*classes 2"),
    ("activation=linear", "activation=leaky", r"line 43, .*linear convolution without batch norm"),
    ("classes=2", "classes=3", "of 8 filters"),
    ("coords=4", "coords=5", r"\[region\]: expected coords 4"),
    ("softmax=1", "softmax=0", r"\[region\]: expected softmax 1"),
    ("softmax=1", "softmax=1\nbackground=1", r"\[region\]: expected background 0"),
    ("softmax=1", "softmax=1\ntree=9k.tree", r"\[region\]: the option tree is not one of YOLOv2's"),
    ("num=1", "num=2", r"\[region\]: expected 4 anchors, width and height for each of num=2. Received: 2"),
    ("anchors=1.5, 2.5", "", r"\[region\]: expected an option anchors"),
    ("anchors=1.5, 2.5", "anchors=1.5, -1", r"\[region\]: expected anchors as positive numbers"),
    ("anchors=1.5, 2.5", "anchors=1.5, nan", r"\[region\]: expected anchors as positive numbers"),
    ("[region]", "[yolo]", r"line \d+, \[yolo\]: expected \[region\] as the last section"),
    ("[reorg]\nstride=2", "[region]", r"line 37, \[region\]: expected nothing after the first \[region\]"),
    ("[net]", "[convolutional]", r"which begins with \[net\]"),
    ("[net]\n", "", r"line 1: expected \[section\] or name=value. Received: 'height=8'"),
    ("pad=1", "pad", r"line 11: expected \[section\] or name=value. Received: 'pad'"),
]


@pytest.mark.parametrize(("old", "new", "message"), BAD_CFGS)
def test_cfgs_of_other_networks(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in CFG
    path = tmp_path / "a.cfg"
    path.write_text(CFG.replace(old, new, 1))
    with pytest.raises(ModelError, match=r"a\.cfg(: |, line \d+)") as caught:
        read_cfg(path)
    assert caught.match(message)


@pytest.mark.parametrize("text", ["", "# nothing\n", "[net]\nwidth=32\nheight=32\nchannels=3\n"])
def test_cfgs_without_layers(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.cfg").write_text(text)
    with pytest.raises(ModelError, match=r"a\.cfg"):
        read_cfg(tmp_path / "a.cfg")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "a.cfg"


LINES = CFG.splitlines()
WORDS = st.sampled_from(
    ["[net]", "[region]", "[route]", "size=3", "layers=-1", "filters=99999999999999999999", "num=-1"]
)


@settings(max_examples=60)
@given(data=st.data())
def test_any_text_gives_a_network_or_a_model_error(scratch: Path, data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["drop", "repeat", "replace", "text"]))
        if change == "drop":
            del lines[place]
        else:
            new = {"repeat": lines[place], "replace": data.draw(WORDS), "text": data.draw(st.text(max_size=20))}[change]
            lines.insert(place, new)
        if not lines:
            break
    scratch.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    try:
        network = read_cfg(scratch)
    except ModelError:
        return
    assert isinstance(network.layers[-1], Convolution)
