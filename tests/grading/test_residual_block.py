"""An assignment whose functions make models: described, given weights, run and trained on the other side."""

from pathlib import Path

import pytest
from car_detection import question_of, write_notebook

from keras_cv_course.grading.assignment import load_assignment
from keras_cv_course.grading.results import Result
from keras_cv_course.grading.scoring import grade
from keras_cv_course.grading.server import WorkerServer

BLOCK = """\
# UNQ_C1
def identity_block(X, f, filters, initializer=random_uniform):
    F1, F2, F3 = filters
    X_shortcut = X
    X = layers.Conv2D(F1, 1, padding="valid", kernel_initializer=initializer(seed=0))(X)
    X = layers.BatchNormalization(axis=3)(X)
    X = layers.Activation("relu")(X)
    X = layers.Conv2D(F2, f, padding="same", kernel_initializer=initializer(seed=0))(X)
    X = layers.BatchNormalization(axis=3)(X)
    X = layers.Activation("relu")(X)
    X = layers.Conv2D(F3, 1, padding="valid", kernel_initializer=initializer(seed=0))(X)
    X = layers.BatchNormalization(axis=3)(X)
    X = layers.Add()([X, X_shortcut])
    X = layers.Activation("relu")(X)
    return X
"""
HEAD = """\
def head_on_frozen(image_shape):
    network = trained_network(image_shape)
    network.trainable = False
    inputs = keras.Input(image_shape)
    x = layers.GlobalAveragePooling2D()(network(inputs, training=False))
    model = keras.Model(inputs, layers.Dense(1)(x))
    model.compile(keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
    return model
"""
IMPORTS = "import keras\nfrom keras import layers\nfrom keras.initializers import RandomUniform as random_uniform\n"
SUBCLASSED = """\
class Block(keras.Model):
    def __init__(self, f, filters):
        super().__init__()
        sizes = (1, f, 1)
        self.parts = []
        for size, n in zip(sizes, filters):
            self.parts += [layers.Conv2D(n, size, padding="same"), layers.BatchNormalization()]

    def call(self, x, training=False):
        y = x
        for number, part in enumerate(self.parts):
            y = part(y, training=training) if number % 2 else part(y)
            if number in (1, 3):
                y = keras.ops.relu(y)
        return keras.ops.relu(x + y)

def identity_block(X, f, filters, initializer=random_uniform):
    return Block(f, filters)(X)
"""


@pytest.fixture
def grade_residual(server: WorkerServer, tmp_path: Path):
    assignment = load_assignment(Path(__file__).parent / "assignments" / "residual_block")

    def run(block: str = BLOCK, head: str = HEAD) -> Result:
        path = write_notebook(tmp_path / "learner.ipynb", [IMPORTS, block, head])
        return grade(path, assignment, seed=5, server=server)

    return run


@pytest.mark.parametrize("block", [BLOCK, BLOCK.replace("layers.Add()([X, X_shortcut])", "X + X_shortcut"), SUBCLASSED])
def test_right_model_earns_all(grade_residual, block: str) -> None:
    result = grade_residual(block)
    assert result.is_perfect, result.to_dict()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('    X = layers.Activation("relu")(X)\n    return', "    return", "The last ReLU is missing."),
        ("layers.Add()([X, X_shortcut])", "X", "The input is not added."),
        (
            'layers.Conv2D(F2, f, padding="same"',
            'layers.Conv2D(F2, f, padding="valid"',
            "identity_block raised ValueError",
        ),
        (
            "    return X",
            "    return None",
            "expected a Keras tensor or model, received None. Is a gap not filled in, or the `return` missing?",
        ),
        ("F1, F2, F3 = filters", "F2, F1, F3 = filters", "shapes of the kernels: expected"),
    ],
)
def test_mistake_in_a_model_is_named(grade_residual, old: str, new: str, told: str) -> None:
    assert old in BLOCK
    question = question_of(grade_residual(BLOCK.replace(old, new)), "identity_block")
    assert question.earned < question.points
    assert any(told in check.message for check in question.checks), [check.message for check in question.checks]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("    network.trainable = False\n", "", "which layers are trainable: expected"),
        ("(from_logits=True)", "()", "from_logits of the loss: expected True, received False."),
        ("Adam(0.01)", "Adam(0.1)", "learning rate: expected 0.01, received 0.1"),
        ("return model", "return keras.Model(model.inputs, model.outputs)", "The model is not compiled."),
    ],
)
def test_mistake_in_freezing_or_compiling_is_named(grade_residual, old: str, new: str, told: str) -> None:
    assert old in HEAD
    question = question_of(grade_residual(head=HEAD.replace(old, new)), "head_on_frozen")
    assert question.earned < question.points
    assert any(told in check.message for check in question.checks), [check.message for check in question.checks]
