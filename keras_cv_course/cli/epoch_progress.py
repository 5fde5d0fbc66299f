"""A training's progress as one Rich bar."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isnan
from typing import Any

import keras
from rich.progress import Progress, TaskID

from keras_cv_course.cli.console import progress_bar


class EpochProgress(keras.callbacks.Callback):
    """Move a bar by fractions of an epoch and show the figures of the last one, images per second among them.

    With `shown` only the figures of these names are, as far as they were measured.
    """

    def __init__(self, bar: Progress, task: TaskID, images: int, shown: Sequence[str] | None = None) -> None:
        super().__init__()
        self.bar = bar
        self.task = task
        self.images = images
        self.shown = shown
        self.epoch = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Say in which precision the run computes."""
        dtypes = {layer.compute_dtype for layer in self.model.layers} - {"float32"}
        self.bar.console.print(f"Precision: {dtypes.pop() if dtypes else 'float32'}")

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Count from where a resumed run starts."""
        self.epoch = epoch
        self.started = time.perf_counter()
        self.bar.update(self.task, completed=epoch)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Move on by one step."""
        self.bar.update(self.task, completed=self.epoch + (batch + 1) / self.params["steps"])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Show the epoch's figures."""
        logs = logs or {}
        names = [name for name in self.shown or logs if name in logs and not isnan(logs[name])]
        figures = [f"{name} {logs[name]:.3f}" for name in names]
        rate = self.images / (time.perf_counter() - self.started)
        line = "  ".join([*figures, f"{rate:.0f} images/s"])
        self.bar.update(self.task, completed=epoch + 1, note=line)
        if not self.bar.console.is_terminal:  # a log file shows no bar before its end
            self.bar.console.print(f"Epoch {epoch + 1}  {line}", soft_wrap=True)


@contextmanager
def epochs_bar(epochs: int, images: int, shown: Sequence[str] | None = None) -> Iterator[EpochProgress]:
    """Show a bar of a training's epochs, which what is given moves as the training's callback."""
    with progress_bar("Epochs", epochs) as (bar, task):
        yield EpochProgress(bar, task, images, shown)
