"""Asks a submission's `alpaca_model` for values, on a small base, and knows what typical mistakes give."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from keras_cv_course.grading import Model, Named, Subject, compare
from keras_cv_course.grading.wire import Array

from .reference import (
    BATCH_NORM,
    CHANNELS,
    DrawnWeights,
    as_for_resnet,
    base_map,
    logits_of,
    sigmoid,
    to_minus_one_and_one,
    to_zero_and_one,
    unscaled,
)

KINDS = ("kernel", "bias", *BATCH_NORM)
WEIGHT_FILES = (".h5", ".keras")  # a course may have ImageNet's weights in a file
COPIES = 300  # of each picture, so that all that dropout can do to it happens
MOST_OFF = 0.1  # of a share of them from its probability: five standard deviations
CLOSE = {"rtol": 1e-3, "atol": 1e-3}  # float32 sums of 3072 and of 1280 products in another order

_SIGMOID = "A sigmoid stands at the end: the loss wants the logit itself, so the last layer has no activation."


def build(subject: Subject, *arguments: Any) -> Model:
    """Let the submission build its model.

    Raises:
        compare.Wrong: it raised, with the reason where the base's options tell it; or it gave no model.
    """
    try:
        received = subject.call("build_on_small_base", Named("alpaca_model"), *arguments)
    except compare.NotCompared as wrong:
        text = str(wrong).replace("build_on_small_base raised", "alpaca_model raised")
        if _options(subject).get("include_top"):
            text += "\nMobileNetV2 still has its own classifier of 1000 classes: include_top=False leaves it out."
        raise compare.NotCompared(text, wrong.raised) from None
    return compare.is_model(received, "alpaca_model")


def _options(subject: Subject) -> dict[str, Any]:
    options = subject.call("options_of_the_base")
    return options if isinstance(options, dict) else {}


def see_structure(subject: Subject, model: Model, shape: tuple[int, int]) -> None:
    """See inputs, outputs, the base's options, and which weights are trained.

    Raises:
        compare.Wrong: one of them is not right.
    """
    compare.equal(model.inputs, ((None, *shape, 3),), "shape of alpaca_model's input")
    _see_output(model)
    options = _options(subject)
    if not options:
        raise compare.Wrong("Expected a base that keras.applications.MobileNetV2 makes. Received: it was not called.")
    if options["include_top"]:
        raise compare.Wrong("The base keeps its own classifier of 1000 classes: include_top=False leaves it out.")
    if options["weights"] is None:
        raise compare.Wrong("The base has random weights, which know nothing: weights='imagenet'.")
    if options["weights"] != "imagenet" and not options["weights"].endswith(WEIGHT_FILES):
        raise compare.Wrong(f"MobileNetV2 has no weights named {options['weights']!r}: weights='imagenet'.")
    if options["alpha"] != 1:
        raise compare.Wrong("The base has another width: MobileNetV2 as it is, without alpha.")
    _see_trained(model)


def _see_output(model: Model) -> None:
    expected = (None, 1)
    if model.outputs == (expected,):
        return
    reason = ""
    shape = model.outputs[0] if len(model.outputs) == 1 else ()
    if len(shape) == 4:
        reason = (
            "The pooling is missing: a logit for each place of the map. GlobalAveragePooling2D comes before Dense.\n"
        )
    elif len(shape) == 2:
        reason = "One logit is enough for two classes: above 0 for one, below 0 for the other.\n"
    raise compare.Wrong(f"{reason}Output of alpaca_model: expected {expected}. Received: {shape or model.outputs}.")


def _see_trained(model: Model) -> None:
    """See that of all weights those of one dense layer on 1280 numbers are trained."""
    kinds = kinds_of(model)
    dense = [shape for kind, shape in kinds if kind == "kernel" and len(shape) == 2]
    if dense != [(CHANNELS, 1)]:
        flat = len(dense) == 1 and dense[0][0] > CHANNELS and dense[0][0] % CHANNELS == 0
        reason = "The map is flattened: GlobalAveragePooling2D takes the mean over all places.\n" if flat else ""
        told = ", ".join(map(str, dense)) or "none"
        raise compare.Wrong(f"{reason}Expected one dense layer with a kernel of {(CHANNELS, 1)}. Received: {told}.")
    trained = [kind for kind, weight in zip(kinds, model.weights, strict=True) if weight.trainable]
    head = [("kernel", (CHANNELS, 1)), ("bias", (1,))]
    if sorted(trained) == sorted(head):
        return
    if not trained:
        raise compare.Wrong("Nothing is trained: freeze the base, and not the new dense layer.")
    reason = "The base is not frozen: base_model.trainable = False.\n" if len(trained) > len(head) else ""
    raise compare.Wrong(
        f"{reason}Expected 2 weights to train, kernel and bias of the new layer. Received: {len(trained)}."
    )


def kinds_of(model: Model) -> list[tuple[str, tuple[int, ...]]]:
    """Tell of each weight what it is, and its shape.

    Raises:
        compare.Wrong: something else than what the base and a dense layer have.
    """
    kinds = [(weight.path.rsplit("/", 1)[-1], weight.shape) for weight in model.weights]
    strange = next((kind for kind, _ in kinds if kind not in KINDS), None)
    if strange:
        raise compare.Wrong(f"Expected the weights of the base and of one dense layer. Received also: {strange}.")
    return kinds


def set_weights(subject: Subject, model: Model, weights: DrawnWeights) -> None:
    """Set all weights of a model, each by what it is and its shape."""
    subject.set_weights(model, [weights(kind, shape) for kind, shape in kinds_of(model)])


def draw_pictures(draw: np.random.Generator, count: int, shape: tuple[int, int]) -> np.ndarray:
    """Draw pictures of 0..255, each of another brightness and contrast, so that they differ on the average too."""
    middle, spread = draw.uniform(70, 185, (2, count, 1, 1, 3))
    noise = draw.uniform(-1, 1, (count, *shape, 3))
    return np.clip(middle + 0.4 * spread * noise, 0, 255).astype(np.float32)


# In use


def see_logits(subject: Subject, draw: np.random.Generator, shape: tuple[int, int], *, named: bool = True) -> None:
    """Compare logits in use, with weights that are set.

    Raises:
        compare.Wrong: they are not right; the message names the mistake where it is a known one.
    """
    weights, pictures = DrawnWeights(int(draw.integers(2**31))), draw_pictures(draw, 5, shape)
    model = build(subject, shape, Named("negative_while_training"))
    set_weights(subject, model, weights)
    received = subject.predict(model, pictures)
    right = logits_of(_pooled(to_minus_one_and_one(pictures), weights), weights)
    mistakes = _mistakes_in_use(pictures, weights, right) if named else None
    compare.close(received, right, "logits in use", mistakes=mistakes, **CLOSE)


def _pooled(x: np.ndarray, weights: DrawnWeights) -> np.ndarray:
    return base_map(x, weights).mean(axis=(1, 2))


def _mistakes_in_use(pictures: np.ndarray, weights: DrawnWeights, right: np.ndarray) -> dict[str, np.ndarray]:
    def scaled(x: np.ndarray) -> np.ndarray:
        return logits_of(_pooled(x, weights), weights)

    places = base_map(to_minus_one_and_one(pictures), weights)
    range_missing = "MobileNetV2 wants pixels of -1..1: preprocess_input is missing."
    return {
        range_missing: scaled(unscaled(pictures)),
        "The pixels are scaled to 0..1; MobileNetV2 wants -1..1, as preprocess_input gives.": scaled(
            to_zero_and_one(pictures)
        ),
        "This is the preprocessing of another network: take mobilenet_v2's.": scaled(as_for_resnet(pictures)),
        "The pooling takes the largest value of each channel, and not the mean.": logits_of(
            places.max(axis=(1, 2)), weights
        ),
        "The pooling adds up the values of each channel: it takes their mean.": logits_of(
            places.sum(axis=(1, 2)), weights
        ),
        _SIGMOID: sigmoid(right),
        "A softmax over one unit gives 1 for every picture: the last layer has no activation.": np.ones_like(right),
    }


# While training


@dataclass(frozen=True)
class TrainingCase:
    """Two pictures, and weights with which the logit hangs on one channel: what dropout does to it can be read off.

    Attributes:
        pictures: (2, height, width, 3).
        weights: set in the model.
        channel: the one that counts.
    """

    pictures: np.ndarray
    weights: DrawnWeights
    channel: int

    @property
    def bias(self) -> float:
        """The logit where the channel is dropped."""
        return float(self.weights("bias", (1,))[0])

    def cells(self, x: np.ndarray) -> np.ndarray:
        """Give what each place of the map adds to the logit before dropout: (2, places)."""
        parts = base_map(x, self.weights)[..., self.channel].reshape(len(x), -1)
        return np.asarray(parts / parts.shape[1] * self.factor)

    @property
    def factor(self) -> float:
        """The weight of the channel."""
        return float(self.weights("kernel", (CHANNELS, 1))[self.channel, 0])

    def options(self, cells: np.ndarray, rate: float = 0.2) -> list[np.ndarray]:
        """List, for each picture, the logits that dropout leaves possible."""
        return [np.array([self.bias, self.bias + part.sum() / (1 - rate)]) for part in cells]


def draw_training_case(draw: np.random.Generator, shape: tuple[int, int]) -> TrainingCase:
    """Draw a case in which a picture, its negative, and each place of their maps give numbers far enough apart."""
    while True:
        case = TrainingCase(draw_pictures(draw, 2, shape), DrawnWeights(int(draw.integers(2**31))), 0)
        maps = [base_map(to_minus_one_and_one(x), case.weights) for x in (case.pictures, 255 - case.pictures)]
        parts = np.stack(maps, axis=1).reshape(2, -1, CHANNELS)  # (pictures, places of both, channels)
        smallest = np.diff(np.sort(parts, axis=1), axis=1).min(axis=(0, 1))
        good = np.flatnonzero((parts.min(axis=(0, 1)) > 0.3) & (parts.max(axis=(0, 1)) < 5.5) & (smallest > 0.05))
        if len(good):
            of_head = np.zeros((CHANNELS, 1), np.float32)
            of_head[good[0]] = draw.uniform(1, 2)
            return replace(case, weights=replace(case.weights, of_head=of_head), channel=int(good[0]))


def see_training(subject: Subject, draw: np.random.Generator, shape: tuple[int, int]) -> None:
    """Compare what training sees: the augmented picture, scaled, and the dropout behind the pooling.

    Raises:
        compare.Wrong: something else; the message names the mistake where it is a known one.
    """
    case = draw_training_case(draw, shape)
    model = build(subject, shape, Named("negative_while_training"))
    set_weights(subject, model, case.weights)
    pictures = np.repeat(case.pictures, COPIES, axis=0)
    received = subject.predict(model, pictures, training=True)
    if not isinstance(received, Array) or received.values.shape != (len(pictures), 1):
        compare.close(received, np.zeros((len(pictures), 1), np.float32), "logits while training")
    logits = received.values.reshape(2, COPIES)
    right = case.cells(to_minus_one_and_one(255 - case.pictures))
    if _are(logits, case.options(right)):
        return
    dropped = float(np.isclose(logits, case.bias, atol=2e-3).mean())
    mistakes = _mistakes_in_training(case, right, dropped)
    named = next((text for text, options in mistakes.items() if _are(logits, options)), "")
    expected = " or ".join(f"{value:.4f}" for value in case.options(right)[0])
    some = ", ".join(f"{value:.4f}" for value in np.unique(logits[0].round(4))[:4])
    raise compare.Wrong(
        f"{named}{named and chr(10)}A picture while training, with a weight for one channel only: expected the logit "
        f"{expected} (the channel is dropped, or not). Received: {some}."
    )


def _mistakes_in_training(case: TrainingCase, right: np.ndarray, dropped: float) -> dict[str, list[np.ndarray]]:
    """Give the logits that mistakes leave possible; of rates of dropout, only those near the share that was dropped."""
    pictures = case.pictures
    plain, early = case.cells(to_minus_one_and_one(pictures)), case.cells(255 - to_minus_one_and_one(pictures))
    kept = [case.bias + part.sum(keepdims=True) for part in right]
    subsets = [case.bias + _sums_of_subsets(part) / np.float32(0.8) for part in right]
    rates = {
        f"The dropout's rate is {rate / 100:g}, not 0.2.": case.options(right, rate / 100)
        for rate in range(5, 100, 5)
        if rate not in (20, 80) and abs(rate / 100 - dropped) < MOST_OFF
    }
    return {
        "There is no dropout: Dropout(0.2) comes between pooling and dense layer.": kept,
        "The dropout's rate is the share that is dropped, 0.2, not the share that is kept.": case.options(right, 0.8),
        **rates,
        "The pooling adds up the places of the map: it takes their mean.": case.options(right * right.shape[1]),
        "The dropout comes after the dense layer: it belongs before it.": [
            np.array([0, value[0] / np.float32(0.8)]) for value in kept
        ],
        "The dropout comes before the pooling: it belongs behind it.": subsets,
        "data_augmentation is not used: pictures stay as they are while training.": case.options(plain),
        "The preprocessing comes before the augmentation, which works on pixels of 0..255.": case.options(early),
        _SIGMOID: [sigmoid(possible) for possible in case.options(right)],
    }


def _sums_of_subsets(parts: np.ndarray) -> np.ndarray:
    sums = np.zeros(1, parts.dtype)
    for part in parts:
        sums = np.concatenate([sums, sums + part])
    return sums


def _are(logits: np.ndarray, options: list[np.ndarray]) -> bool:
    """Say whether of each picture all logits are among its options, and each option occurs."""
    for found, possible in zip(logits, options, strict=True):
        near = np.abs(found[:, None] - possible) < 2e-3 + 1e-3 * np.abs(possible)
        if not (near.any(axis=1).all() and near.any(axis=0).all()):
            return False
    return True


# Called as a layer


def see_call(subject: Subject, draw: np.random.Generator, shape: tuple[int, int]) -> None:
    """Unfreeze the base, call the model without saying that it trains, and see that nothing in it trains.

    Raises:
        compare.Wrong: something does.
    """
    weights, pictures = DrawnWeights(int(draw.integers(2**31))), draw_pictures(draw, 4, shape)
    model = build(subject, shape, Named("negative_while_training"))
    set_weights(subject, model, weights)
    received, again = (subject.call("run_unfrozen", model, pictures) for _ in range(2))
    scaled, negative = to_minus_one_and_one(pictures), to_minus_one_and_one(255 - pictures)
    of_batch = base_map(scaled, weights, batch_statistics=True).mean(axis=(1, 2))
    right = logits_of(_pooled(scaled, weights), weights)
    mistakes = {
        "The base is called with training=True: its batch norms follow the batch.": logits_of(of_batch, weights),
        "data_augmentation is called with training=True: it always acts.": logits_of(
            _pooled(negative, weights), weights
        ),
        _SIGMOID: sigmoid(right),
    }
    try:
        compare.close(received, right, "logits", mistakes=mistakes, **CLOSE)
    except compare.Wrong as wrong:
        if (
            isinstance(received, Array)
            and isinstance(again, Array)
            and not np.array_equal(received.values, again.values)
        ):
            raise compare.Wrong(
                f"The same pictures get other logits each time: dropout, or a random change of them, acts although "
                f"nothing is trained.\n{wrong}"
            ) from None
        raise


def see_own_augmentation(subject: Subject, draw: np.random.Generator) -> None:
    """See what the function makes without arguments: its input, and that pictures are augmented all the same.

    Raises:
        compare.Wrong: another shape; or while training a picture stays the same.
    """
    shape, copies = (160, 160), 24
    model = build(subject)
    compare.equal(model.inputs, ((None, *shape, 3),), "shape of the input without image_shape")
    picture, weights = draw_pictures(draw, 1, shape), DrawnWeights(int(draw.integers(2**31)))
    spread = base_map(to_minus_one_and_one(picture), weights).std(axis=(0, 1, 2))
    of_head = np.zeros((CHANNELS, 1), np.float32)
    of_head[spread.argmax()] = 1  # so that dropout alone gives two logits
    set_weights(subject, model, replace(weights, of_head=of_head))
    received = subject.predict(model, np.repeat(picture, copies, axis=0), training=True)
    if not isinstance(received, Array) or received.values.shape != (copies, 1):
        compare.close(received, np.zeros((copies, 1), np.float32), "logits while training")
    if len(np.unique(received.values.round(3))) < 4:
        raise compare.Wrong(
            "Without data_augmentation: expected that data_augmenter() changes each picture while training. Received: "
            "the same few logits for all copies of a picture."
        )
