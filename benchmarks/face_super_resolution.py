"""Faces of 16 x 16 pixels made 128 x 128: bicubic, by a network, and by the same network guided by component heatmaps.

Run: python benchmarks/face_super_resolution.py [--faces 1200] [--epochs 8] [--seed 0] [--weights 0 0.1]
     [--picture FILE.png]

Prints PSNR and SSIM on 200 drawn faces that no training uses, and the processor time of each training. A network is
trained for each weight of the loss on heatmaps; all have the same layers and begin with the same weights. Without
heatmaps, at the weight 0, the four maps are channels that learn from the pixels alone. With --picture the first faces
are written, a row for each way and the last for the truth.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from PIL import Image

from keras_cv_course.cli.options import KEPT_ASIDE_SEED
from keras_cv_course.data.synthetic.faces import draw_faces
from keras_cv_course.data.synthetic.landmark_set import FACE_68, LandmarkImages
from keras_cv_course.files import atomic_path
from keras_cv_course.metrics.images import psnr, ssim
from keras_cv_course.models.super_resolution import face_super_resolution
from keras_cv_course.training.fit_super_resolution import SuperResolutionFitConfig, fit_super_resolution, shrink

HELD_OUT = 200
SHOWN = 8


def draw(count: int, seed: int) -> LandmarkImages:
    faces = list(draw_faces(count, seed, without_face=0))
    images, points = np.stack([face.image for face in faces]), np.stack([face.points for face in faces])
    return LandmarkImages(images, points, np.ones(count, bool), FACE_68)


def bicubic(small: np.ndarray, side: int) -> np.ndarray:
    return np.stack([Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC) for one in small])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=1200)
    parser.add_argument("--epochs", type=int, default=SuperResolutionFitConfig.epochs)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", type=float, nargs="*", default=[0.0, SuperResolutionFitConfig.maps_weight])
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()

    held_out = draw(HELD_OUT, KEPT_ASIDE_SEED)
    small = shrink(held_out.images)
    enlarged = bicubic(small, held_out.image_size[0])
    rows = [small[:SHOWN].repeat(8, axis=1).repeat(8, axis=2), enlarged[:SHOWN]]
    print(f"{'':26s}   PSNR   SSIM   CPU seconds")
    print(
        f"{'bicubic':26s}  {psnr(held_out.images, enlarged).mean():.2f}  {ssim(held_out.images, enlarged).mean():.4f}"
    )
    train = draw(options.faces, options.seed)
    for weight in options.weights:
        keras.utils.set_random_seed(options.seed)
        model = face_super_resolution()
        config = SuperResolutionFitConfig(epochs=options.epochs, seed=options.seed, maps_weight=weight)
        started = time.process_time()
        fit_super_resolution(model, train, config)
        seconds = time.process_time() - started
        pictures = model.predict(small.astype(np.float32) / 255, verbose=0)["picture"]
        found = np.rint(255 * pictures.clip(0, 1)).astype(np.uint8)
        rows.append(found[:SHOWN])
        decibels, similarity = psnr(held_out.images, found).mean(), ssim(held_out.images, found).mean()
        name = f"with heatmaps, weight {weight}" if weight else "without heatmaps"
        print(f"{name:26s}  {decibels:.2f}  {similarity:.4f}   {seconds:.0f}", flush=True)
    if options.picture:
        rows.append(held_out.images[:SHOWN])
        with atomic_path(options.picture) as temporary:
            Image.fromarray(np.concatenate([np.concatenate(row, axis=1) for row in rows])).save(temporary)


if __name__ == "__main__":
    main()
