"""Asks for the gradient of a submission's measure, and says more of the cause where it can be found."""

import numpy as np

from keras_cv_course.grading import Array, Named, Subject, Tensor, compare

from .reference import dice_gradient


def see_dice_gradient(subject: Subject, y_true: np.ndarray, y_pred: np.ndarray) -> None:
    """Compare the gradient of the sum of the submission's Dice coefficients with respect to the prediction.

    Raises:
        compare.Wrong: it raised, there is no gradient, or another one.
    """
    try:
        received = subject.call("gradient_of", Named("dice_coefficient"), Tensor(y_true), Tensor(y_pred))
    except compare.NotCompared as wrong:
        text = str(wrong).replace("gradient_of raised", "dice_coefficient raised")
        raise compare.NotCompared(text, wrong.raised) from None
    if received is None or (isinstance(received, Array) and not received.values.any()):
        raise compare.Wrong(
            "The coefficient has no gradient, so nothing can be learned from it: use keras.ops or TensorFlow, not "
            "NumPy, and do not round. Or is a gap not filled in?"
        )
    compare.close(received, dice_gradient(y_true, y_pred), "gradient of dice_coefficient", rtol=1e-3)
