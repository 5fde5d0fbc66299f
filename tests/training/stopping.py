"""Ways in which a training ends before its time."""

import os
import signal

import keras


class Stop(keras.callbacks.Callback):
    """End the training as Ctrl-C would, after a given epoch's batch; at batch -1 once training has ended."""

    def __init__(self, epoch: int, batch: int) -> None:
        super().__init__()
        self.at = (epoch, batch)
        self.epoch = 0

    def end(self) -> None:
        raise KeyboardInterrupt

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        if (self.epoch, batch) == self.at:
            self.end()

    def on_train_end(self, logs: object = None) -> None:
        if self.at[1] == -1:
            self.end()


class Die(Stop):
    """End the process as a power cut would."""

    def end(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
