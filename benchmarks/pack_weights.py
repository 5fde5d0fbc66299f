"""Pack a finished `kcc train signs` run into weights/, register it, and print its accuracy before and after.

Run: python benchmarks/pack_weights.py RUN --data FOLDER [--name signs-resnet50]

Both accuracies are on the same test images; the one after packing is what the registry holds.
"""

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from shipped import register

from keras_cv_course import RunFolder, load_classifier, read_signs, write_synthetic_signs
from keras_cv_course.cli.classification_result import measure_signs
from keras_cv_course.data.signs import SignsPart
from keras_cv_course.models.classifier import Classifier

DEPTH = 50


def accuracies(classifier: Classifier, real: SignsPart, drawn: SignsPart) -> dict[str, float]:
    return {name: measure_signs(classifier, part).accuracy for name, part in (("real", real), ("drawn", drawn))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="signs-resnet50")
    options = parser.parse_args()

    real = read_signs(options.data, "test")
    with tempfile.TemporaryDirectory() as folder:
        drawn = read_signs(write_synthetic_signs(folder, train=1080, test=120, seed=0), "test")
    trained = load_classifier(options.run)
    config = RunFolder(options.run).read_config()
    photographs = len(read_signs(config["data"], "train").data)
    settings = ", ".join(f"{name} {value}" for name, value in config["fit"].items() if name != "augmentation")
    facts = {
        "depth": DEPTH,
        "input_size": trained.input_size,
        "class_names": trained.class_names,
        "trained_on": f"{photographs} photographs of train_signs.h5 and {config['add_synthetic']} drawn hands, "
        f"{config['validation']:.0%} of the photographs kept for validation",
        "recipe": f"kcc train signs ({settings}), then kernels rounded to 8 bits",
    }
    before, after = accuracies(trained, real, drawn), {}

    def score() -> dict[str, float]:
        after.update(accuracies(load_classifier(options.name), real, drawn))
        return {
            "test_accuracy": after["real"],
            "test_images": len(real.data),
            "synthetic_test_accuracy": after["drawn"],
            "synthetic_test_images": len(drawn.data),
        }

    print(f"{register(options.name, 'classifier', trained.model, facts, score) / 1e6:.1f} MB")
    for name in before:
        print(f"{name:6s} test accuracy: {before[name]:.4f} as trained (float32), {after[name]:.4f} packed (int8)")


if __name__ == "__main__":
    main()
