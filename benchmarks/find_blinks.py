"""Count the blinks found on drawn films, with the true points and with points that are wrong by so much.

Run from the checkout: python benchmarks/find_blinks.py [--films 8] [--frames 120] [--seed 0]
"""

import argparse

import numpy as np

from keras_cv_course.data.synthetic.faces import draw_blinks
from keras_cv_course.landmarks.eye_blinks import eye_aspect_ratio, find_blinks
from keras_cv_course.metrics.landmarks import normalised_errors, normalising_distances


def overlaps(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--films", type=int, default=8)
    options.add_argument("--frames", type=int, default=120)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()

    films = [draw_blinks(chosen.frames, chosen.seed + number, (16, 16)) for number in range(chosen.films)]
    rng = np.random.default_rng(chosen.seed)
    print(f"{sum(len(film.blinks) for film in films)} blinks in {chosen.films} films of {chosen.frames} frames")
    print("mean error (inter-ocular)   found   missed   false")
    for spread in (0.0, 0.005, 0.01, 0.02, 0.03):
        found, missed, false, errors = 0, 0, 0, []
        for film in films:
            scale = spread * normalising_distances(film.points, "inter-ocular")[:, None, None]
            points = film.points + scale * rng.normal(size=film.points.shape)
            errors.append(normalised_errors(film.points, points).mean())
            blinks = find_blinks(eye_aspect_ratio(points).mean(axis=-1))
            hit = [any(overlaps(blink, true) for true in film.blinks) for blink in blinks]
            seen = [any(overlaps(true, blink) for blink in blinks) for true in film.blinks]
            found, missed, false = found + sum(seen), missed + len(seen) - sum(seen), false + len(hit) - sum(hit)
        print(f"{np.mean(errors):25.4f}   {found:5d}   {missed:6d}   {false:5d}")


if __name__ == "__main__":
    main()
