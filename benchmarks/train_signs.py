"""Test accuracy of `kcc train signs` over several seeds, beside the course's own recipe.

Run: python benchmarks/train_signs.py --data FOLDER [--seeds 0 1 2] [--course]

Each seed is one run of the command with its defaults; its test images are measured once, at the end. With --course the
course's recipe is trained too (its model, Adam at 1e-3, 10 epochs, batch 32, float32, no augmentation), measured with
the moving batch-norm statistics that it ends with and again after they are estimated anew.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

PUBLISHED = 0.95  # the best figure that the course's material gives


def train_with_kcc(data: Path, seed: int, folder: Path) -> tuple[float, float]:
    kcc = Path(sys.executable).with_name("kcc")
    started = time.perf_counter()
    subprocess.run(
        [kcc, "train", "signs", "--data", data, "--out", folder, "--seed", str(seed)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    minutes = (time.perf_counter() - started) / 60
    return json.loads((folder / "result.json").read_text())["test_accuracy"], minutes


def train_as_the_course(data: Path) -> None:
    import keras

    from keras_cv_course import ResNet50, read_signs, reestimate_statistics
    from keras_cv_course.training.batches import measuring_batches, training_batches

    train, test = read_signs(data, "train").data, read_signs(data, "test").data
    keras.utils.set_random_seed(0)
    model = ResNet50()
    model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", metrics=["accuracy"])
    epochs = 10
    history = model.fit(
        training_batches(train, 32, epochs=epochs),
        epochs=epochs,
        steps_per_epoch=len(train) // 32,
        verbose=0,
        shuffle=False,
    )
    last = history.history["accuracy"][-1]
    _, stale = model.evaluate(measuring_batches(test, 64), verbose=0)
    reestimate_statistics(model, training_batches(train, 64, epochs=1))
    _, fresh = model.evaluate(measuring_batches(test, 64), verbose=0)
    print(f"course's recipe: training accuracy {last:.3f}, test accuracy {stale:.3f} with its moving statistics,")
    print(f"                 {fresh:.3f} after estimating the statistics anew", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--course", action="store_true")
    options = parser.parse_args()
    if options.course:
        train_as_the_course(options.data)
    accuracies = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds:
            accuracy, minutes = train_with_kcc(options.data, seed, Path(folder) / str(seed))
            accuracies.append(accuracy)
            print(f"seed {seed}: test accuracy {accuracy:.4f} in {minutes:.1f} minutes", flush=True)
    if accuracies:
        print(f"mean {statistics.mean(accuracies):.4f}; the course's published figure is {PUBLISHED}")


if __name__ == "__main__":
    main()
