"""Names and modules of NumPy, Pillow, SciPy, Python and Keras 2 that are gone, and the files beside a notebook."""

import importlib
import importlib.util
import io
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFont

from keras_cv_course.compat import activate, deactivate, removed_modules
from keras_cv_course.compat.patches import Patches
from keras_cv_course.compat.picture_type import what
from keras_cv_course.errors import MissingExtraError


@pytest.fixture(autouse=True)
def _shims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    activate()
    yield
    deactivate()


def test_numpy_names() -> None:
    assert np.array([1.7, 2.2]).astype(np.int).tolist() == [1, 2]
    assert np.zeros(2, np.float).dtype == np.float64
    assert np.array([None, "x"], dtype=np.object).dtype == object
    assert np.zeros(2, dtype=np.bool).dtype == bool
    assert np.array(["x"], np.str).dtype.kind == "U"
    assert np.isnan(np.NaN)
    assert np.product([2, 3]) == 6


@pytest.mark.parametrize(
    "module",
    [
        "keras.layers.normalization:BatchNormalization",
        "keras.layers.convolutional:Conv2D",
        "keras.layers.advanced_activations:LeakyReLU",
        "keras.layers.experimental.preprocessing:RandomFlip",
        "keras.layers.merge:concatenate",
        "keras.engine:Layer",
        "keras.engine:Model",
        "keras.engine.topology:Layer",
        "keras.utils.np_utils:to_categorical",
        "keras.utils.vis_utils:plot_model",
        "keras.utils.data_utils:get_file",
        "keras.utils.layer_utils:get_source_inputs",
        "keras.preprocessing.image:ImageDataGenerator",
        "keras.preprocessing.text:Tokenizer",
        "keras.applications.imagenet_utils:preprocess_input",
        "tensorflow.keras.layers.experimental.preprocessing:RandomRotation",
        "tensorflow.keras.utils.np_utils:to_categorical",
        "tensorflow.python.keras.layers:Dense",
        "tensorflow.python.keras.losses:BinaryCrossentropy",
        "tensorflow.python.keras.preprocessing.image:load_img",
    ],
)
def test_modules_of_keras_2(module: str) -> None:
    place, name = module.split(":")
    thing = getattr(importlib.import_module(place), name)
    assert thing.__module__.startswith("keras.src.")  # today's, whatever the path


def test_modules_as_attributes() -> None:
    assert tf.keras.layers.experimental.preprocessing.RandomFlip is keras.layers.RandomFlip
    loss = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    assert type(loss) == tf.python.keras.losses.BinaryCrossentropy  # noqa: E721 - as a notebook writes it
    assert callable(tf.keras.preprocessing.image_dataset_from_directory)
    ops = importlib.import_module("tensorflow.python.framework.ops")
    ops.reset_default_graph()
    assert type(tf.constant(1)) == ops.EagerTensor  # noqa: E721


def pictures_of_types() -> list[Any]:
    types = {"jpeg": "JPEG", "png": "PNG", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF", "webp": "WEBP"}
    return [pytest.param(name, pillow, id=name) for name, pillow in types.items()]


@pytest.mark.parametrize(("kind", "pillow"), pictures_of_types())
def test_picture_types(kind: str, pillow: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, pillow)
    Path("picture").write_bytes(file.getvalue())
    assert what("picture") == what(None, file.getvalue()) == kind
    file.seek(2)
    file.seek(0)
    assert what(file) == kind
    assert file.tell() == 0
    with warnings.catch_warnings():  # Python 3.11 and 3.12 have it, and warn
        warnings.simplefilter("ignore", DeprecationWarning)
        imghdr = importlib.import_module("imghdr")
    assert imghdr.what("picture") == kind


def test_no_picture_type() -> None:
    assert what(None, b"") is None
    assert what(None, b"text") is None


def test_imghdr_where_python_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    deactivate()
    monkeypatch.delitem(sys.modules, "imghdr", raising=False)
    monkeypatch.setattr(removed_modules, "find_spec", lambda name: None)
    patches = Patches()
    removed_modules.fill_imghdr(patches)
    assert importlib.import_module("imghdr").what is what
    patches.undo()
    assert "imghdr" not in sys.modules


def test_packages_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    deactivate()
    for name in [name for name in sys.modules if name.split(".")[0] in ("scipy", "pandas", "pydot")]:
        monkeypatch.delitem(sys.modules, name)
    real = importlib.util.find_spec
    missing = ("scipy", "pandas", "pydot")
    monkeypatch.setattr(
        removed_modules, "find_spec", lambda name: None if name.split(".")[0] in missing else real(name)
    )
    activate()
    namespace: dict[str, Any] = {}
    exec("import pandas as pd, pydot, scipy.io, scipy.misc\nfrom scipy import ndimage, misc", namespace)
    assert not isinstance(3, namespace["pd"].DataFrame)
    with pytest.raises(MissingExtraError, match="pip install pandas"):
        namespace["pd"].DataFrame()
    with pytest.raises(MissingExtraError, match="pip install scipy"):
        namespace["scipy"].io.loadmat("x.mat")
    Image.new("RGB", (4, 2), "red").save("red.png")
    assert namespace["misc"].imread("red.png").shape == namespace["ndimage"].imread("red.png").shape == (2, 4, 3)
    # Keras asks whether its data are pandas's.
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    deactivate()
    assert "pandas" not in sys.modules


def test_scipy_misc() -> None:
    misc = importlib.import_module("scipy.misc")
    picture = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)
    misc.imsave("picture.png", picture)
    np.testing.assert_array_equal(misc.imread("picture.png"), picture)
    grey = misc.imread("picture.png", flatten=True)
    np.testing.assert_allclose(grey, picture @ [0.299, 0.587, 0.114], atol=0.02)  # ITU-R 601, in fixed point
    assert misc.imresize(picture, (64, 32)).shape == (64, 32, 3)
    assert misc.imresize(picture, 200).shape == misc.imresize(picture, 2.0).shape == (12, 18, 3)
    np.testing.assert_array_equal(misc.imresize(picture, 3.0, "nearest")[1::3, 1::3], picture)
    assert misc.imresize(np.array([[0.0, 0.5], [0.25, 1.0]]), 1.0).tolist() == [[0, 128], [64, 255]]


def test_text_sizes() -> None:
    draw = ImageDraw.Draw(Image.new("L", (200, 60)))
    font = ImageFont.truetype("font/FiraMono-Medium.otf", size=np.floor(20.5).astype("int32"))
    width, height = draw.textsize("car 0.89", font)
    draw.text((0, 0), "car 0.89", 255, font)
    _, _, right, bottom = draw._image.getbbox()
    assert abs(width - right) <= 2  # the last letter's margin
    assert height == bottom
    assert font.getsize("car 0.89") == (width, height)
    assert draw.textsize("car\ncar", font)[1] > 1.5 * height


def test_resampling_names() -> None:
    picture = Image.effect_noise((20, 20), 50)
    assert picture.resize((7, 7), Image.ANTIALIAS) == picture.resize((7, 7), Image.Resampling.LANCZOS)
    assert (Image.LINEAR, Image.CUBIC) == (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)


@pytest.mark.parametrize("corners", [[9, 9, 5, 5], [(9, 9), (5, 5)], (5, 9, 9, 5)])
def test_rectangles_with_swapped_corners(corners: Any) -> None:
    drawn, expected = (Image.new("L", (20, 20)) for _ in range(2))
    ImageDraw.Draw(drawn).rectangle(corners, outline=255)
    ImageDraw.Draw(expected).rectangle([5, 5, 9, 9], outline=255)
    assert drawn == expected


def test_fonts_that_are_not_there() -> None:
    with pytest.warns(UserWarning, match=r"No font at font/None\.ttf"):
        font = ImageFont.truetype("font/None.ttf", 12)
    assert font.getname()[0] == "DejaVu Sans Mono"
    Path("bad.ttf").write_text("no font")
    with pytest.raises(OSError, match="unknown file format"):
        ImageFont.truetype("bad.ttf", 12)


def test_folder_that_must_exist() -> None:
    Image.new("RGB", (4, 4)).save("out/test.jpg", quality=100)
    assert Image.open("out/test.jpg").size == (4, 4)
    plt.figure().savefig("plots/figure.png")
    assert Path("plots/figure.png").is_file()
    with pytest.raises(OSError, match="No such file"):
        Image.new("RGB", (4, 4)).save(Path.cwd() / "absent" / "test.jpg")
