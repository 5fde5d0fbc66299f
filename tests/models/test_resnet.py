"""The course's blocks and ResNet50, and the family behind them."""

import keras
import numpy as np
import pytest

from keras_cv_course.errors import ModelError
from keras_cv_course.models.resnet import RESNETS, ResNet18, resnet, resnet_stages, stage_outputs
from keras_cv_course.models.resnet_course import ResNet50, convolutional_block, identity_block


def constant_one(seed: int = 0) -> keras.Initializer:
    return keras.initializers.Constant(1.0)


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def plain_convolution(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, stride: int, same: bool) -> np.ndarray:
    """Convolve one image (height, width, channels) in float64, one output pixel at a time."""
    size = kernel.shape[0]
    if same:  # TensorFlow's rule: an odd row or column of padding goes to the bottom and the right
        before = (size - 1) // 2
        x = np.pad(x, ((before, size - 1 - before), (before, size - 1 - before), (0, 0)))
    rows, columns = ((length - size) // stride + 1 for length in x.shape[:2])
    out = np.zeros((rows, columns, kernel.shape[-1]))
    for i in range(rows):
        for j in range(columns):
            window = x[i * stride : i * stride + size, j * stride : j * stride + size]
            out[i, j] = np.tensordot(window, kernel, axes=3) + bias
    return out


def plain_batch_norm(x: np.ndarray, training: bool) -> np.ndarray:
    """Normalise a batch as a fresh Keras layer does: gamma 1, beta 0, moving mean 0, moving variance 1."""
    if not training:
        return x / np.sqrt(1 + 1e-3)
    return (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-3)


def plain_block(
    X: np.ndarray, f: int, kernels: list[np.ndarray], stride: int, training: bool, project: bool
) -> np.ndarray:
    def convolve(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
        same = kernel.shape[0] > 1
        return np.stack([plain_convolution(image, kernel, np.zeros(kernel.shape[-1]), stride, same) for image in x])

    x = relu(plain_batch_norm(convolve(X, kernels[0], stride), training))
    x = relu(plain_batch_norm(convolve(x, kernels[1], 1), training))
    x = plain_batch_norm(convolve(x, kernels[2], 1), training)
    shortcut = plain_batch_norm(convolve(X, kernels[3], stride), training) if project else X
    return relu(x + shortcut)


class Recorder:
    """An initializer factory that remembers every kernel it made, drawn from a generator of its own."""

    def __init__(self) -> None:
        self.kernels: list[np.ndarray] = []
        self.seeds: list[int] = []
        self.draw = np.random.default_rng(5)

    def __call__(self, seed: int) -> "Recorder.One":
        self.seeds.append(seed)
        return Recorder.One(self)

    class One(keras.Initializer):
        def __init__(self, recorder: "Recorder") -> None:
            self.recorder = recorder

        def __call__(self, shape: tuple[int, ...], dtype: object = None) -> object:
            kernel = self.recorder.draw.normal(0, 0.3, shape).astype(np.float32)
            self.recorder.kernels.append(kernel)
            return keras.ops.convert_to_tensor(kernel)

        def clone(self) -> "Recorder.One":
            return self


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("f", [2, 3])
@pytest.mark.parametrize(("project", "stride"), [(False, 1), (True, 1), (True, 2)])
def test_block_equals_plain_numpy(project: bool, stride: int, f: int, training: bool) -> None:
    X = np.random.default_rng(1).normal(size=(2, 5, 6, 4)).astype(np.float32)
    recorder = Recorder()
    if project:
        ours = convolutional_block(X, f, [3, 5, 7], s=stride, training=training, initializer=recorder)
    else:
        ours = identity_block(X, f, [3, 5, 4], training=training, initializer=recorder)
    theirs = plain_block(X.astype(np.float64), f, recorder.kernels, stride, training, project)
    # float32 sums of some 50 products of order one, against float64
    np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-4, atol=1e-5)
    assert recorder.seeds == [0] * (4 if project else 3)


@pytest.mark.parametrize("kind", ["array", "float64 array", "eager"])
def test_blocks_take_arrays_and_eager_tensors(kind: str) -> None:
    X = np.ones((1, 4, 4, 3), np.float64 if kind == "float64 array" else np.float32)
    X = keras.ops.convert_to_tensor(X) if kind == "eager" else X
    A = identity_block(X, 2, [4, 4, 3], initializer=constant_one, training=False)
    # By hand: 3/n, times 4, over a 2x2 window of 4 channels, with n = sqrt(1.001): 3 * 16 * 4 / n^3 + 1.
    np.testing.assert_allclose(np.asarray(A)[0, 0, 0], 192 / 1.001**1.5 + 1, rtol=1e-5)


def test_absent_training_means_inference_outside_fit() -> None:
    X = np.random.default_rng(0).normal(size=(3, 4, 4, 3)).astype(np.float32)
    absent = identity_block(X, 2, [4, 4, 3], initializer=constant_one)
    inference = identity_block(X, 2, [4, 4, 3], training=False, initializer=constant_one)
    batch = identity_block(X, 2, [4, 4, 3], training=True, initializer=constant_one)
    np.testing.assert_array_equal(absent, inference)
    assert np.abs(np.asarray(batch) - np.asarray(inference)).max() > 0.1


@pytest.mark.parametrize(("filters", "message"), [([4, 4], "three numbers of filters"), ([4, 4, 5], "3 channels")])
def test_identity_block_refuses_wrong_filters(filters: list[int], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        identity_block(np.zeros((1, 4, 4, 3), np.float32), 2, filters)


@pytest.mark.parametrize("block", [identity_block, convolutional_block])
def test_an_initializer_in_the_place_of_training_is_refused(block: object) -> None:
    place = (2, [4, 4, 3]) if block is identity_block else (2, [4, 4, 3], 2)
    with pytest.raises(ModelError, match="training must be True, False or None"):
        block(np.zeros((1, 4, 4, 3), np.float32), *place, constant_one)


def test_course_resnet50_is_the_course_s() -> None:
    model = ResNet50()
    assert model.count_params() == 23_600_006
    assert model.input_shape == (None, 64, 64, 3)
    assert model.output_shape == (None, 6)
    assert [stage.shape[1:] for stage in stage_outputs(model).values()] == [
        (15, 15, 64),
        (15, 15, 256),
        (8, 8, 512),
        (4, 4, 1024),
        (2, 2, 2048),
    ]
    kinds = [type(layer).__name__ for layer in model.layers]
    assert (kinds.count("Conv2D"), kinds.count("BatchNormalization"), kinds.count("Add")) == (53, 53, 16)
    kernels = {v.path: np.asarray(v) for v in model.weights if v.path.endswith("kernel")}
    for layer, initializer in {
        "stem_conv": keras.initializers.GlorotUniform(seed=0),
        "stage3_block1_shortcut": keras.initializers.GlorotUniform(seed=0),
        "stage3_block2_conv2": keras.initializers.RandomUniform(seed=0),
        "predictions": keras.initializers.GlorotUniform(seed=0),
    }.items():
        kernel = kernels[f"{layer}/kernel"]
        np.testing.assert_array_equal(kernel, np.asarray(initializer(kernel.shape)))


def test_training_argument_reaches_every_batch_norm() -> None:
    image = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
    with_batch_statistics = ResNet50(training=True)
    before = [np.asarray(w) for w in with_batch_statistics.weights]
    with_batch_statistics(image)
    moved = [
        w.path
        for w, old in zip(with_batch_statistics.weights, before, strict=True)
        if not np.array_equal(np.asarray(w), old)
    ]
    assert len(moved) == 2 * 53
    assert all("moving" in path for path in moved)


def test_course_and_general_resnet50_share_weights_and_results() -> None:
    course, general = ResNet50(), resnet(50, (64, 64, 3), 6)
    assert [(w.path, w.shape) for w in course.weights] == [(w.path, w.shape) for w in general.weights]
    general.set_weights(course.get_weights())
    image = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
    # The same sums in another order: 2x2 average pooling of a 2x2 map against global pooling.
    np.testing.assert_allclose(course(image), general(image), rtol=1e-5, atol=1e-7)


def test_general_resnet_draws_fresh_weights() -> None:
    kernels = [np.asarray(resnet(18, (32, 32, 3), 2).get_layer("stem_conv").kernel) for _ in range(2)]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.01


# Biases included. Sources: 25,636,712 is keras.applications.ResNet50's count. The others follow from table 1 of the
# paper by the sum in the test below, which shares no code with the model.
@pytest.mark.parametrize("depth", sorted(RESNETS))
def test_parameter_counts_follow_from_the_paper(depth: int) -> None:
    blocks = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]}[depth]

    def conv_bn(size: int, inputs: int, outputs: int) -> int:
        return size * size * inputs * outputs + outputs + 4 * outputs

    total, inputs = conv_bn(7, 3, 64), 64
    for stage, count in enumerate(blocks):
        narrow = 64 * 2**stage
        wide = narrow if depth < 50 else 4 * narrow
        for block in range(count):
            if depth < 50:
                total += conv_bn(3, inputs, narrow) + conv_bn(3, narrow, narrow)
            else:
                total += conv_bn(1, inputs, narrow) + conv_bn(3, narrow, narrow) + conv_bn(1, narrow, wide)
            if block == 0 and (stage > 0 or inputs != wide):
                total += conv_bn(1, inputs, wide)
            inputs = wide
    total += inputs * 10 + 10
    assert resnet(depth, (64, 64, 3), 10).count_params() == total


def test_without_top_and_stages_by_name() -> None:
    model = resnet(18, (None, None, 3), include_top=False)
    assert model.output_shape == (None, None, None, 512)
    stages = keras.Model(model.input, stage_outputs(model))
    sizes = {name: tuple(x.shape[1:3]) for name, x in stages(np.zeros((1, 70, 96, 3), np.float32)).items()}
    assert sizes == {"stem": (17, 23), "stage2": (17, 23), "stage3": (9, 12), "stage4": (5, 6), "stage5": (3, 3)}


def test_stage_outputs_refuses_other_models() -> None:
    with pytest.raises(ModelError, match="stages 2 to 5"):
        stage_outputs(keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]))


def test_resnet18_is_a_face_of_resnet() -> None:
    assert [w.shape for w in ResNet18((32, 32, 3), 4).weights] == [w.shape for w in resnet(18, (32, 32, 3), 4).weights]


@pytest.mark.parametrize(("build", "smallest"), [(lambda s: ResNet50(s), 37), (lambda s: resnet(18, s, 2), 5)])
def test_smallest_input_is_the_smallest_that_works(build: object, smallest: int) -> None:
    assert build((smallest, smallest, 3)).output_shape[0] is None
    with pytest.raises(ModelError, match=f"at least {smallest} pixels"):
        build((smallest - 1, 64, 3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: resnet(51), "one of .18, 34, 50, 101, 152.*Received: 51"),
        (lambda: resnet(18, classes=0), "classes must be"),
        (lambda: ResNet50((64, 64)), "height, width, channels"),
        (lambda: ResNet50((None, None, 3)), "fixed input_shape"),
        (lambda: resnet_stages(np.zeros((1, 8, 8, 3)), 20, None), "Received: 20"),
    ],
)
def test_impossible_descriptions_are_refused(make: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make()


def test_same_file_under_a_mixed_policy_ends_in_float32() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = resnet(18, (32, 32, 3), 3)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("stage3_block1_conv1").compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"
