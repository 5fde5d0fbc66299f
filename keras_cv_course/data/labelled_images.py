"""Images with one class each, in memory: what classifiers train and are measured on."""

from dataclasses import dataclass

import numpy as np

from keras_cv_course.errors import DataContentError


def shuffle_classes(labels: np.ndarray, classes: int, seed: int) -> list[np.ndarray]:
    """Give the members of each class 0 .. classes - 1 in random order, as indices int64 (members,) of `labels`."""
    draw = np.random.default_rng(seed)
    return [draw.permutation(np.flatnonzero(labels == c)) for c in range(classes)]


@dataclass(frozen=True)
class LabelledImages:
    """A validated set of equally large images with one class each.

    Attributes:
        images: uint8 (m, height, width, 3), RGB, m >= 1.
        labels: int64 (m,), each in 0 .. len(class_names) - 1.
        class_names: one name for each class, in the order of the labels.
        origin: where the images come from, for messages.

    Raises:
        DataContentError: wrong dtype, rank or shape, different lengths, no image, or a label without a class.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    origin: str = "arrays"

    def __post_init__(self) -> None:
        """Check every promise of the attributes."""
        images, labels, classes = self.images, self.labels, len(self.class_names)
        if images.dtype != np.uint8:
            self._fail("images of dtype uint8 (values 0..255)", f"dtype {images.dtype}")
        if images.ndim != 4 or images.shape[-1] != 3:
            self._fail("images of shape (m, height, width, 3)", f"shape {images.shape}")
        if not np.issubdtype(labels.dtype, np.integer):
            self._fail("labels of an integer dtype", f"dtype {labels.dtype}")
        if labels.ndim != 1:
            self._fail("labels of shape (m,)", f"shape {labels.shape}")
        if len(images) != len(labels):
            self._fail("as many labels as images", f"{len(images)} images and {len(labels)} labels")
        if len(images) == 0:
            self._fail("at least one image", "an empty set")
        if labels.min() < 0 or labels.max() >= classes:
            wrong = labels[(labels < 0) | (labels >= classes)]
            self._fail(f"labels 0..{classes - 1}, one for each class", f"{len(wrong)} others, such as {wrong[0]}")

    def __len__(self) -> int:
        return len(self.images)

    def _fail(self, expected: str, received: str) -> None:
        raise DataContentError(f"{self.origin}: expected {expected}. Received: {received}.")

    def take(self, indices: np.ndarray) -> "LabelledImages":
        """Give the images at `indices`, an int (n,) array."""
        return LabelledImages(self.images[indices], self.labels[indices], self.class_names, self.origin)

    def join(self, images: np.ndarray, labels: np.ndarray) -> "LabelledImages":
        """Add images uint8 (n, height, width, 3) of the same size and classes, with labels (n,), at the end."""
        return LabelledImages(
            np.concatenate([self.images, images]), np.concatenate([self.labels, labels]), self.class_names, self.origin
        )

    def split(self, fraction: float, seed: int) -> tuple["LabelledImages", "LabelledImages"]:
        """Set a random part aside, each class by its share.

        Args:
            fraction: share of each class to set aside, between 0 and 1, rounded to whole images.
            seed: of the draw.

        Returns:
            The rest and the part set aside.

        Raises:
            DataContentError: one of the two would be empty.
        """
        aside = np.concatenate(
            [
                members[: round(fraction * len(members))]
                for members in shuffle_classes(self.labels, len(self.class_names), seed)
            ]
        )
        rest = np.setdiff1d(np.arange(len(self)), aside)
        if not len(aside) or not len(rest):
            self._fail("a fraction that leaves images on both sides", f"{fraction} of {len(self)} images")
        return self.take(rest), self.take(np.sort(aside))
