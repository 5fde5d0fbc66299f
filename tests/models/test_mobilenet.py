"""The course's alpaca model: its size, what training changes, and what it says where it cannot be built."""

import urllib.error
import urllib.request
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_cv_course.errors import ModelError, WeightsError
from keras_cv_course.models.mobilenet import alpaca_model, data_augmenter
from keras_cv_course.models.nested_layers import all_layers
from keras_cv_course.models.pixels import white_level

SMALL = (64, 48)


def trainable_variables_by_layer() -> list[tuple[str, int, int]]:
    """Lay MobileNetV2 out from table 2 of the paper: kind, number of trainable variables and parameters of each layer.

    Convolutions have a kernel and no bias; a batch norm has gamma and beta to train, and two moving statistics. A
    padding layer precedes each depthwise convolution of stride 2, an addition ends each block that keeps its shape.
    """

    def convolution(parameters: int, outputs: int) -> list[tuple[str, int, int]]:
        return [("convolution", 1, parameters), ("batch norm", 2, 4 * outputs)]

    activation, padding, addition = ("activation", 0, 0), ("padding", 0, 0), ("addition", 0, 0)
    laid_out = [("input", 0, 0), *convolution(9 * 3 * 32, 32), activation]
    inputs = 32
    for expansion, outputs, repeats, first_stride in [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            wide = expansion * inputs
            if expansion > 1:
                laid_out += [*convolution(inputs * wide, wide), activation]
            if stride == 2:
                laid_out += [padding]
            laid_out += [*convolution(9 * wide, wide), activation, *convolution(wide * outputs, outputs)]
            if stride == 1 and inputs == outputs:
                laid_out += [addition]
            inputs = outputs
    return [*laid_out, *convolution(320 * 1280, 1280), activation]


def as_arrays(variables: list[keras.Variable]) -> list[np.ndarray]:
    return [variable.numpy().copy() for variable in variables]


def unchanged(variables: list[keras.Variable], before: list[np.ndarray]) -> list[bool]:
    return [np.array_equal(v.numpy(), old) for v, old in zip(variables, before, strict=True)]


def with_a_signal(model: keras.Model) -> keras.Model:
    """Draw the backbone's kernels so that values keep their size on the way; Keras's own leave 1e-12 of them."""
    draw = np.random.default_rng(2)
    for kernel in [v for v in model.get_layer("mobilenetv2").variables if v.path.endswith("kernel")]:
        height, width, inputs, _ = kernel.shape
        fan_in = height * width * (1 if "depthwise" in kernel.path else inputs)
        kernel.assign(draw.normal(0, np.sqrt(2 / fan_in), kernel.shape))
    return model


def compiled(model: keras.Model) -> keras.Model:
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=False)
    return model


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, *SMALL, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def course_model() -> keras.Model:
    """Build the course's model as it is by default, but for the weights, which would have to be fetched."""
    return alpaca_model(weights=None)


def test_the_course_s_layers_and_counts(course_model: keras.Model) -> None:
    model, base = course_model, course_model.get_layer("mobilenetv2")
    assert base.count_params() == 2_257_984 == sum(parameters for _, _, parameters in trainable_variables_by_layer())
    assert base.trainable_variables == []
    assert sum(keras.ops.size(v) for v in model.trainable_variables) == 1_281
    assert model.count_params() == 2_257_984 + 1_281
    assert [(type(layer).__name__, layer.output.shape) for layer in model.layers] == [
        ("InputLayer", (None, 160, 160, 3)),
        ("Sequential", (None, 160, 160, 3)),
        ("Rescaling", (None, 160, 160, 3)),
        ("Functional", (None, 5, 5, 1280)),
        ("GlobalAveragePooling2D", (None, 1280)),
        ("Dropout", (None, 1280)),
        ("Dense", (None, 1)),
    ]
    assert model.get_layer("dropout").rate == 0.2
    assert model.get_layer("logit").activation is keras.activations.linear


def test_pixels_are_preprocessed_inside(course_model: keras.Model) -> None:
    assert white_level(course_model) == 255.0
    pixels = np.random.default_rng(1).integers(0, 256, (1, 160, 160, 3)).astype(np.float32)
    augmented = course_model.get_layer("data_augmentation").output
    preprocess = keras.Model(augmented, course_model.get_layer("preprocessing").output)
    expected = keras.applications.mobilenet_v2.preprocess_input(pixels.copy())
    # x * (1 / 127.5) against x / 127.5: one float32 rounding of numbers up to 2.
    np.testing.assert_allclose(preprocess(pixels), expected, rtol=0, atol=3e-7)


def test_uint8_images_are_taken_as_they_are(images: np.ndarray) -> None:
    model = with_a_signal(alpaca_model(SMALL, weights=None))
    logits = model(images, training=False)
    assert np.ptp(logits) > 0.01
    np.testing.assert_array_equal(model(images.astype(np.uint8), training=False), logits)


@pytest.mark.parametrize(("image_shape", "feature_map"), [(SMALL, (2, 2)), ((32, 32), (1, 1)), ((96, 200), (3, 7))])
def test_other_image_shapes(image_shape: tuple[int, int], feature_map: tuple[int, int]) -> None:
    model = alpaca_model(image_shape, weights=None)
    assert model.input_shape == (None, *image_shape, 3)
    assert model.get_layer("mobilenetv2").output.shape == (None, *feature_map, 1280)
    assert model(np.zeros((2, *image_shape, 3), np.float32)).shape == (2, 1)
    assert model.count_params() == 2_257_984 + 1_281


def test_training_changes_the_head_only(images: np.ndarray) -> None:
    model = compiled(with_a_signal(alpaca_model(SMALL, weights=None)))
    base, head = model.get_layer("mobilenetv2"), model.get_layer("logit")
    frozen, trained = as_arrays(base.variables), as_arrays(head.trainable_variables)
    assert len(frozen) == 5 * 52  # 52 convolutions with 4 numbers for each channel behind them: moving statistics too
    model.fit(images, np.arange(12) % 2, batch_size=4, epochs=1, verbose=0)
    assert all(unchanged(base.variables, frozen))
    assert not any(unchanged(head.trainable_variables, trained))


@pytest.mark.parametrize("fine_tune_at", [0, 100, 120, 154])
def test_fine_tuning_as_in_the_course(images: np.ndarray, fine_tune_at: int) -> None:
    model = alpaca_model(SMALL, weights=None)
    base = model.get_layer("mobilenetv2")
    base.trainable = True
    for layer in base.layers[:fine_tune_at]:
        layer.trainable = False
    laid_out = trainable_variables_by_layer()
    assert len(base.layers) == len(laid_out) == 154
    expected = sum(variables for _, variables, _ in laid_out[fine_tune_at:]) + 2  # the head's kernel and bias
    assert len(model.trainable_variables) == expected
    if fine_tune_at == 100:
        assert expected == 56  # as TensorFlow's tutorial on transfer learning prints it


@pytest.mark.parametrize("batch_norms_too", [False, True])
def test_fine_tuning_changes_what_is_above(images: np.ndarray, batch_norms_too: bool) -> None:
    model = with_a_signal(alpaca_model(SMALL, weights=None))
    base = model.get_layer("mobilenetv2")
    base.trainable = True
    norms = [layer for layer in base.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in base.layers[:120] + (norms if batch_norms_too else []):
        layer.trainable = False
    kept = [v for layer in base.layers if not layer.trainable for v in layer.variables]
    before, before_trained = as_arrays(kept), as_arrays(model.trainable_variables)
    compiled(model).fit(images, np.arange(12) % 2, batch_size=4, epochs=1, verbose=0)
    assert all(unchanged(kept, before))  # moving statistics too
    assert not any(unchanged(model.trainable_variables, before_trained))


def test_augmentation_is_for_training(images: np.ndarray) -> None:
    augment = data_augmenter()
    np.testing.assert_array_equal(augment(images, training=False), images)
    assert np.abs(augment(images) - images).max() > 1  # so does the course show what its augmentation does
    changed = keras.ops.convert_to_numpy(augment(images, training=True))
    assert changed.shape == images.shape
    assert [bool((new != old).any()) for new, old in zip(changed, images, strict=True)] == [True] * 12
    assert changed.min() >= 0
    assert changed.max() <= 255
    kinds = [type(layer).__name__ for layer in augment.layers]
    assert kinds == ["RandomFlip", "RandomRotation"]
    assert augment.layers[0].mode == "horizontal"
    assert augment.layers[1].factor == (-0.2, 0.2)


def test_inference_is_not_augmented_and_training_is(images: np.ndarray) -> None:
    augmented, plain = (
        with_a_signal(alpaca_model(SMALL, augmentation, weights=None))
        for augmentation in (data_augmenter(), lambda image: image)
    )
    for model in (augmented, plain):
        model.get_layer("dropout").rate = 0
    plain.get_layer("logit").set_weights(augmented.get_layer("logit").get_weights())
    expected = np.asarray(plain(images, training=True))
    np.testing.assert_array_equal(augmented(images, training=False), expected)
    # The same sums, compiled and in another order.
    np.testing.assert_allclose(augmented.predict(images, verbose=0), expected, rtol=1e-4, atol=1e-4 * np.ptp(expected))
    assert np.abs(augmented(images, training=True) - expected).max() > 0.01 * np.ptp(expected)


def test_augmentation_of_one_s_own_stands_first() -> None:
    own = keras.Sequential([keras.layers.RandomContrast(0.1)])
    model = alpaca_model(SMALL, own, weights=None)
    assert model.layers[1] is own
    assert white_level(model) == 255.0
    assert not any(isinstance(layer, keras.layers.RandomFlip) for layer in all_layers(model))


def test_every_model_has_an_augmentation_of_its_own() -> None:
    first, second = (alpaca_model(SMALL, weights=None) for _ in range(2))
    assert first.layers[1] is not second.layers[1]


def test_a_saved_model_gives_the_same_logits(images: np.ndarray, tmp_path: Path) -> None:
    model = with_a_signal(alpaca_model(SMALL, weights=None))
    model.save(tmp_path / "alpaca.keras")
    loaded = keras.saving.load_model(tmp_path / "alpaca.keras")
    np.testing.assert_array_equal(loaded(images, training=False), model(images, training=False))
    assert sum(keras.ops.size(v) for v in loaded.trainable_variables) == 1_281


@pytest.mark.parametrize(
    ("image_shape", "message"),
    [
        ((160, 160, 3), r"image_shape as \(height, width\)\. Received: \(160, 160, 3\)"),
        ((16, 160), r"MobileNetV2 cannot be built for images of \(16, 160\): Input size must be at least 32x32"),
    ],
)
def test_an_impossible_shape(image_shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        alpaca_model(image_shape, weights=None)


def test_weights_that_cannot_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/some_weights.h5"

    def unreachable(*args: object, **options: object) -> object:
        raise urllib.error.URLError("Name or service not known")

    def fetch_into_an_empty_folder(**options: object) -> object:
        assert options["weights"] == "imagenet"
        return keras.utils.get_file("some_weights.h5", address, cache_subdir="models", cache_dir=tmp_path)

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    monkeypatch.setattr(keras.applications, "MobileNetV2", fetch_into_an_empty_folder)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    with pytest.raises(WeightsError) as caught:
        alpaca_model()
    assert str(caught.value) == (
        "The weights of MobileNetV2 are not on this machine and cannot be fetched. Expected the file some_weights.h5 "
        f"in {tmp_path / 'keras' / 'models'}; its URL is {address}. Put it there, or ask for random weights with "
        "weights=None."
    )


def test_weights_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "damaged.weights.h5").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"The weights of MobileNetV2 cannot be loaded: .*"):
        alpaca_model(SMALL, weights=str(tmp_path / "damaged.weights.h5"))
