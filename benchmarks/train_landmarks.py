"""How well and in which time `kcc train landmarks` learns the 68 points of drawn faces, by heatmaps and by coordinates.

Run: python benchmarks/train_landmarks.py [--models heatmaps coordinates] [--seed 0]

Each model is one run of the command with its defaults. The figures are on 500 drawn pictures of a seed that no training
uses: normalised mean error (inter-ocular), failure rate and area under the curve up to 0.08. Beside them stands what an
average face, put in the middle of each picture, would reach.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from keras_cv_course.cli.options import KEPT_ASIDE_SEED
from keras_cv_course.cli.train_landmarks import HELD_OUT
from keras_cv_course.data.synthetic.landmark_set import draw_landmark_images
from keras_cv_course.metrics.landmarks import measure_landmarks

WANTED = 0.04


def train_with_kcc(model: str, seed: int, folder: Path) -> tuple[dict[str, float], float]:
    """Give the figures and the processor minutes, drawing and measuring included."""
    kcc = Path(sys.executable).with_name("kcc")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [kcc, "train", "landmarks", "--model", model, "--seed", str(seed), "--out", folder],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads((folder / "result.json").read_text()), seconds / 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", default=["heatmaps", "coordinates"])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("                    error  failures   AUC   CPU minutes", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for model in options.models:
            figures, minutes = train_with_kcc(model, options.seed, Path(folder) / model)
            row = f"{figures['error']:.4f}  {figures['failure_rate']:7.1%}  {figures['auc']:.3f}   {minutes:.1f}"
            print(f"{model:18s} {row}", flush=True)
    data = draw_landmark_images("face", HELD_OUT, KEPT_ASIDE_SEED)
    truth = data.points[data.is_there]
    average = measure_landmarks(truth, np.broadcast_to(truth.mean(axis=0), truth.shape))
    print(f"{'average face':18s} {average.error:.4f}  {average.failure_rate:7.1%}  {average.auc:.3f}")
    print(f"wanted: an error of {WANTED} at most")


if __name__ == "__main__":
    main()
