"""What typical mistakes give on given inputs: a sentence for the learner -> the wrong result."""

import numpy as np

from .reference import IGNORED, class_map, dice, mean_iou, overlaps, paint


def class_map_mistakes(masks: np.ndarray, class_ids: np.ndarray) -> dict[str, np.ndarray]:
    """Tell what typical mistakes in `masks_to_class_map` give."""
    given = list(range(len(masks)))
    areas = masks.sum(axis=(1, 2))
    ascending = np.argsort(areas, kind="stable")
    right = class_map(masks, class_ids)
    numbered = paint(masks, np.array(given), ascending[::-1])
    added = (masks * (1 + class_ids)[:, None, None]).sum(axis=0).astype(np.uint8)
    highest = (masks * (1 + class_ids)[:, None, None]).max(axis=0).astype(np.uint8)
    return {
        "The larger lies over the smaller: paint the largest first, and the smallest last.": paint(
            masks, class_ids, ascending
        ),
        "The masks are painted in the order in which they are given: the largest comes first.": paint(
            masks, class_ids, given
        ),
        "The masks are painted from the last to the first: what decides is their area, the largest comes first.": paint(
            masks, class_ids, given[::-1]
        ),
        "The classes are one too low: 0 is the background, so class 0 is written as 1.": paint(
            masks, class_ids, ascending[::-1], first=0
        ),
        "The number of the mask is written: it is 1 + its class.": numbered,
        "Where masks overlap their classes are added: the smaller one lies over the larger.": added,
        "Where masks overlap the highest class wins: it is the smaller mask that does.": highest,
        "The classes are not used: every mask is written as 1.": (right > 0).astype(np.uint8),
    }


def mean_iou_mistakes(y_true: np.ndarray, y_pred: np.ndarray, n_classes: int) -> dict[str, float]:
    """Tell what typical mistakes in `mean_iou` give."""
    both, true, predicted = overlaps(y_true, y_pred, n_classes)
    union = true + predicted - both
    there = union > 0
    of_each = both[there] / union[there]
    counted = y_true != IGNORED
    everywhere = np.bincount(y_pred.ravel(), minlength=n_classes)[:n_classes]
    apart = [mean_iou(*maps, n_classes) for maps in zip(y_true, y_pred, strict=True)]
    accuracy = float((y_true == y_pred)[counted].mean())

    def ratio(above: np.ndarray, below: np.ndarray) -> float:
        return float((above[there] / np.maximum(below[there], 1)).mean())

    return {
        "That is the share of right pixels: intersection over union of each class is wanted, then the mean.": accuracy,
        "Classes that are in neither map count as 0: leave them out of the mean.": float(of_each.sum() / n_classes),
        "Classes that are in neither map count as 1: leave them out of the mean.": float(
            (of_each.sum() + n_classes - there.sum()) / n_classes
        ),
        "The pixels of both maps are added: those that are in both count once in the union.": ratio(
            both, true + predicted
        ),
        "That is twice the intersection over both areas, Dice's coefficient: the union is asked for.": ratio(
            2 * both, true + predicted
        ),
        "The intersection is divided by the true pixels alone: divide by the union.": ratio(both, true),
        "The intersection is divided by the predicted pixels alone: divide by the union.": ratio(both, predicted),
        "The background is left out: it is a class like the others.": float(of_each[1:].mean()),
        "Classes weigh by their pixels here: each class counts the same.": float(
            (of_each * true[there]).sum() / true[there].sum()
        ),
        "All intersections are divided by all unions: first divide of each class, then take the mean.": float(
            both.sum() / union.sum()
        ),
        "Pixels of 255 count as wrong: leave them out of both maps.": ratio(both, true + everywhere - both),
        "The mean over pictures: count the pixels of all of them together.": float(np.mean(apart)),
    }


def only_predicted_mistakes(y_true: np.ndarray, y_pred: np.ndarray, n_classes: int) -> dict[str, float]:
    """Tell what a mistake gives where a class is predicted that is nowhere."""
    both, true, predicted = overlaps(y_true, y_pred, n_classes)
    there = true > 0
    return {
        "A class that is predicted but nowhere there is left out: its IoU is 0, and counts.": float(
            (both[there] / (true + predicted - both)[there]).mean()
        )
    }


def dice_mistakes(y_true: np.ndarray, y_pred: np.ndarray) -> dict[str, np.ndarray | float]:
    """Tell what typical mistakes in `dice_coefficient` give."""
    true, predicted = y_true.astype(np.float64), y_pred.astype(np.float64)
    shared, first, second = ((part).sum(axis=(1, 2)) for part in (true * predicted, true, predicted))
    right = dice(y_true, y_pred)
    rows = (2 * (true * predicted).sum(axis=(0, 1)) + 1) / ((true + predicted).sum(axis=(0, 1)) + 1)
    whole = (2 * shared.sum() + 1) / (first.sum() + second.sum() + 1)
    return {
        "The 2 is missing: the shared part counts twice, as it is in both sums below.": (shared + 1)
        / (first + second + 1),
        "That is intersection over union: below stand both sums, the shared part is not taken off.": (shared + 1)
        / (first + second - shared + 1),
        "The 1 is missing above and below: without it an empty mask has no value.": 2 * shared / (first + second),
        "The 1 stands below alone: it stands above, too.": 2 * shared / (first + second + 1),
        "That is the loss, 1 - Dice: the coefficient is 1 where both agree.": 1 - right,
        "The probabilities are rounded: then there is no gradient.": dice(y_true, y_pred.round()),
        "Below stand squares: add up y_pred as it is.": (2 * shared + 1)
        / (first + (predicted**2).sum(axis=(1, 2)) + 1),
        "The sums go over the pictures, too: give one number for each picture.": whole,
        "That is the mean over the pictures: give one number for each picture.": float(right.mean()),
        "The sums go over the wrong axes: those of height and width, 1 and 2.": rows,
        "Pixels that are background in both count as shared: only those of the mask do.": (
            2 * (shared + ((1 - true) * (1 - predicted)).sum(axis=(1, 2))) + 1
        )
        / (first + second + 1),
    }
