"""What a check asks: a submission's functions and models, wherever they live.

The same class asks a worker in a sandbox and the learner's own notebook: it writes a request and reads the answer,
and `ask` carries them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_cv_course.grading.answers import read_answer
from keras_cv_course.grading.compare import NotCompared, Wrong, is_model
from keras_cv_course.grading.feedback import Locate, explain
from keras_cv_course.grading.requests import write_request
from keras_cv_course.grading.wire import Array, Missing, Model, ProtocolError, Raised, Value

Ask = Callable[[bytes], bytes]


class Subject:
    """A submission, as a check sees it.

    Whatever a submission does wrong becomes :class:`~keras_cv_course.grading.compare.Wrong`, with a message for the
    learner: checks need not care.

    Args:
        ask: carries a request to the submission, and its answer back.
        locate: names the place of a line.
        most_bytes: of the arrays in one answer.
    """

    def __init__(self, ask: Ask, locate: Locate, most_bytes: int) -> None:
        self._ask, self._locate, self._most_bytes = ask, locate, most_bytes

    def call(self, function: str, *arguments: Any, **keywords: Any) -> Any:
        """Call a function of the submission.

        Args:
            function: its name.
            arguments: plain Python, NumPy arrays, and `Tensor`, `Input`, `Named` or received models.
            keywords: likewise.

        Returns:
            Plain Python, :class:`~keras_cv_course.grading.wire.Array`, `Model` or `Other`, and tuples, lists and dicts
            of them. A symbolic Keras tensor comes back as the model from the `Input`s to it.

        Raises:
            Wrong: the submission has no such function, or it raised.
        """
        return self._operate(function, "call", function, list(arguments), keywords)

    def model(self, function: str, *arguments: Any, **keywords: Any) -> Model:
        """Call a function that makes a model, or that adds layers to `Input`.

        Raises:
            Wrong: as for :meth:`call`; or it gave something else.
        """
        return is_model(self.call(function, *arguments, **keywords), function)

    def describe(self, model: Model) -> Model:
        """Describe a model again, after something changed it."""
        return is_model(self._operate("the model", "describe_model", model), "the model")

    def weights(self, model: Model) -> list[np.ndarray]:
        """Give a model's weights, in the order of its description."""
        weights = self._operate("the model", "get_weights", model)
        if not isinstance(weights, list) or not all(isinstance(weight, Array) for weight in weights):
            raise Wrong("The model does not give its weights.")
        return [weight.values for weight in weights]

    def set_weights(self, model: Model, weights: Sequence[np.ndarray]) -> None:
        """Set a model's weights, in the order of its description."""
        self._operate("the model", "set_weights", model, list(weights))

    def predict(self, model: Model, inputs: Any, *, training: bool = False) -> Any:
        """Run a model: arrays in, arrays out."""
        return self._operate("the model", "run_model", model, inputs, training)

    def fit(self, model: Model, x: np.ndarray, y: np.ndarray, *, seed: int, **options: Any) -> Any:
        """Train a compiled model; give its history, a dict name -> list of numbers."""
        return self._operate("the model's training", "fit_model", model, x, y, seed, options)

    def _operate(self, what: str, operation: str, *arguments: Any) -> Any:
        request = write_request(operation, most_bytes=self._most_bytes, arguments=arguments, keywords={})
        answer = read_answer(self._ask(request))
        if isinstance(answer, Value):
            return answer.value
        if isinstance(answer, Raised):
            raise NotCompared(explain(what, answer, self._locate), answer)
        if isinstance(answer, Missing):
            raise NotCompared(f"There is no {answer.name}.")
        raise ProtocolError("an answer to something else")
