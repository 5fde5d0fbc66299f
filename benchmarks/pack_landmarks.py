"""Pack a finished `kcc train landmarks` run into weights/, register it, and print its error before and after.

Run: python benchmarks/pack_landmarks.py RUN [--name face-landmarks]

Both errors are on the same drawn pictures kept aside; the one after packing is what the registry holds.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from shipped import register

from keras_cv_course import RunFolder
from keras_cv_course.cli.landmarks_result import measure_finder
from keras_cv_course.cli.options import KEPT_ASIDE_SEED
from keras_cv_course.cli.train_landmarks import HELD_OUT
from keras_cv_course.data.synthetic.landmark_set import draw_landmark_images
from keras_cv_course.models.landmark_finder import load_landmark_finder

STACKS, FILTERS = 1, 48  # the defaults of stacked_hourglass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--name", default="face-landmarks")
    options = parser.parse_args()

    trained, config = load_landmark_finder(options.run), RunFolder(options.run).read_config()
    data = draw_landmark_images(config["points"], HELD_OUT, KEPT_ASIDE_SEED, trained.input_size)
    results = {"as trained (float32)": measure_finder(trained, data)}
    settings = ", ".join(f"{name} {value}" for name, value in config["fit"].items() if name != "augmentation")
    facts = {
        "points": trained.scheme.count,
        "stacks": STACKS,
        "filters": FILTERS,
        "input_size": trained.input_size,
        "class_names": [config["points"]],
        "trained_on": f"{config['pictures']} faces drawn by this package, no photograph",
        "recipe": f"kcc train landmarks ({settings}), then kernels rounded to 8 bits",
    }

    def score() -> dict[str, float]:
        results["packed (int8)"] = measure_finder(load_landmark_finder(options.name), data)
        figures = results["packed (int8)"].to_json()
        return {f"drawn_faces_{name}": round(figures[name], 4) for name in ("error", "failure_rate", "auc")}

    print(f"{register(options.name, 'landmarks', trained.model, facts, score) / 1e6:.2f} MB")
    for name, result in results.items():
        figures = result.to_json()
        print(
            f"{name:20s} error {figures['error']:.4f}, failures {figures['failure_rate']:.1%}, "
            f"AUC {figures['auc']:.3f}, whether there is a face right on {figures['presence_accuracy']:.1%} of "
            f"{figures['all_pictures']}"
        )


if __name__ == "__main__":
    main()
