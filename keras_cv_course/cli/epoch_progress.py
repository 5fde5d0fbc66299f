"""A training's progress as one Rich bar."""

from typing import Any

import keras
from rich.progress import Progress, TaskID


class EpochProgress(keras.callbacks.Callback):
    """Move a bar by fractions of an epoch and show loss, accuracy and images per second of the last one."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        super().__init__()
        self.bar = bar
        self.task = task
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Count from where a resumed run starts."""
        self.epoch = epoch
        self.bar.update(self.task, completed=epoch)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Move on by one step."""
        self.bar.update(self.task, completed=self.epoch + (batch + 1) / self.params["steps"])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Show the epoch's figures."""
        note = "  ".join(f"{name} {value:.3f}" for name, value in (logs or {}).items())
        self.bar.update(self.task, completed=epoch + 1, note=note)
