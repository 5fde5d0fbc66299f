"""What typical mistakes give on given inputs: a sentence for the learner -> the wrong result."""

from typing import Any

import numpy as np

from .reference import Boxes, Pair, Picture, box_iou, corners, filter_boxes, suppress


def filter_mistakes(
    boxes: np.ndarray, confidence: np.ndarray, probabilities: np.ndarray, threshold: float
) -> dict[str, Boxes]:
    """Tell what typical mistakes in `yolo_filter_boxes` give."""
    right = filter_boxes(boxes, confidence, probabilities, threshold)
    products = confidence * probabilities
    scores, best = products.max(axis=-1), products.argmax(axis=-1)

    def masked(mask: np.ndarray, scores: np.ndarray = scores, best: np.ndarray = best) -> Boxes:
        return {"scores": scores[mask], "boxes": boxes[mask], "classes": best[mask]}

    mistakes = {
        "The classes are those of all boxes: the mask must be applied to the classes too.": {**right, "classes": best},
        "The scores are those of all boxes: the mask must be applied to the scores too.": {**right, "scores": scores},
        "The boxes are all boxes: the mask must be applied to the boxes too.": {**right, "boxes": boxes},
        "The boxes below the threshold were kept, and the others dropped.": masked(scores < threshold),
        "A box's score is its confidence times its class probabilities: the confidence is left out.": filter_boxes(
            boxes, np.ones_like(confidence), probabilities, threshold
        ),
        "The threshold is for the best class's score, not for the confidence alone.": masked(
            confidence[..., 0] >= threshold
        ),
        "The threshold is for the best class's score, not for its probability alone.": masked(
            probabilities.max(axis=-1) >= threshold
        ),
        "The scores are the confidences: a box's score is that of its best class.": {
            **right,
            "scores": confidence[..., 0][scores >= np.float32(threshold)],
        },
    }
    anchors, classes = probabilities.shape[-2:]
    if anchors == classes:  # only then does this mistake give anything
        mistakes["The best class is sought along the wrong axis: it is the last one (axis=-1)."] = masked(
            products.max(axis=-2) >= threshold, products.max(axis=-2), products.argmax(axis=-2)
        )
    return mistakes


def iou_mistakes(pair: Pair) -> dict[str, float]:
    """Tell what typical mistakes give for two boxes that overlap."""
    first, second = pair
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    area1, area2 = ((box[2:] - box[:2]).prod() for box in pair)
    shared = (high - low).prod()
    union = area1 + area2 - shared
    lowest, highest = np.minimum(first[:2], second[:2]), np.maximum(first[2:], second[2:])

    def with_intersection(low: np.ndarray, high: np.ndarray) -> float:
        wrong = (high - low).prod()
        return float(wrong / (area1 + area2 - wrong))

    with_pixels = [first + np.array([0, 0, 1, 1]), second + np.array([0, 0, 1, 1])]
    crossed = np.array([0, 2, 1, 3])
    with np.errstate(all="ignore"):
        return {
            "The union counts the intersection twice: subtract it once from the sum of the two areas.": shared
            / (area1 + area2),
            "The intersection is added to the sum of the two areas: it must be subtracted.": shared
            / (area1 + area2 + shared),
            "The division is upside down: the intersection is divided by the union.": union / shared,
            "That is the intersection: divide it by the union.": shared,
            "That is what is not shared: 1 minus the result.": 1 - shared / union,
            "The union is missing: the intersection is divided by the first box's area.": shared / area1,
            "The union is missing: the intersection is divided by the second box's area.": shared / area2,
            "The union is missing: the intersection is divided by the smaller area.": shared / min(area1, area2),
            "The union is missing: the intersection is divided by the larger area.": shared / max(area1, area2),
            "The second box's area is missing in the union: the first box's is there twice.": shared
            / (2 * area1 - shared),
            "The first box's area is missing in the union: the second box's is there twice.": shared
            / (2 * area2 - shared),
            "The corners of the intersection are those of the hull: the left top takes the larger of two coordinates, "
            "the right bottom the smaller.": with_intersection(lowest, highest),
            "The left top of the intersection takes the larger of two coordinates, not the smaller.": (
                with_intersection(lowest, high)
            ),
            "The right bottom of the intersection takes the smaller of two coordinates, not the larger.": (
                with_intersection(low, highest)
            ),
            "A box from x1 to x2 is x2 - x1 wide, without 1 more.": box_iou(*with_pixels),
            "A box is (x1, y1, x2, y2): the second number is y1, not x2.": box_iou(first[crossed], second[crossed]),
            "A box is (x1, y1, x2, y2): the last two numbers are a corner, not width and height.": box_iou(
                *(np.concatenate([box[:2], box[:2] + box[2:]]) for box in pair)
            ),
            "The sides of the boxes are mixed up: width is x2 - x1 and height is y2 - y1.": shared
            / (_mixed(first) + _mixed(second) - shared),
        }


def _mixed(box: np.ndarray) -> float:
    return float((box[3] - box[0]) * (box[2] - box[1]))


def apart_mistakes(pair: Pair) -> dict[str, float]:
    """Tell what typical mistakes give for two boxes that do not overlap; infinity where they divide by 0."""
    first, second = pair
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    areas = float(sum((box[2:] - box[:2]).prod() for box in pair))
    signed, unsigned = sides.prod(), np.abs(sides).prod()
    with np.errstate(all="ignore"):
        return {
            "Boxes that do not overlap have an intersection of 0: its width and height must not be negative.": signed
            / (areas - signed),
            "Boxes that do not overlap have an intersection of 0: a negative width or height must not become a "
            "positive one.": unsigned / (areas - unsigned),
        }


def suppression_mistakes(found: Boxes, max_boxes: int, iou_threshold: float) -> dict[str, Boxes]:
    """Tell what typical mistakes give; some of them only where there is more than one class, or too many boxes."""
    right = suppress(found, max_boxes, iou_threshold)
    everything = len(found["scores"])
    numbers = list(dict.fromkeys(found["classes"].tolist()))  # in the order in which they come
    places = {**found, "place": np.arange(everything)}

    def taken(chosen: np.ndarray) -> Boxes:
        return {name: values[chosen] for name, values in found.items()}

    # For each class the places, among all boxes, of its boxes that stay
    members = [np.flatnonzero(found["classes"] == number) for number in numbers]
    parts = [
        suppress({name: values[mine] for name, values in places.items()}, max_boxes, iou_threshold)["place"]
        for mine in members
    ]
    joined = taken(np.concatenate(parts))
    within = [np.searchsorted(mine, part) for mine, part in zip(members, parts, strict=True)]  # among its class's boxes

    def by_score(boxes: Boxes) -> Boxes:
        order = np.argsort(-boxes["scores"], kind="stable")
        return {name: values[order] for name, values in boxes.items()}

    def first(boxes: Boxes, most: int) -> Boxes:
        return {name: values[:most] for name, values in boxes.items()}

    worst_first = {name: values[::-1] for name, values in by_score(joined).items()}
    return {
        "Boxes of another class were suppressed: suppress within each class, then join the classes.": suppress(
            found, max_boxes, iou_threshold, per_class=False
        ),
        "max_boxes is not used: at most so many boxes may stay.": suppress(found, everything, iou_threshold),
        "max_boxes is for all classes together: after joining them keep only the best max_boxes.": by_score(joined),
        "The boxes are not in the order of their scores: sort by falling score after joining the classes, then keep "
        "the first max_boxes.": first(joined, max_boxes),
        "The classes are joined one after another: sort by falling score, and keep the first max_boxes.": joined,
        "The boxes with the worst scores come first: sort by falling score.": first(worst_first, max_boxes),
        "Only the boxes of the first class come back: the loop must take all classes.": taken(parts[0][:max_boxes]),
        "Only the boxes of the last class come back: the loop must take all classes.": taken(parts[-1][:max_boxes]),
        "The indices count the boxes of a class only: with tf.gather they become places among the others too.": first(
            by_score(taken(np.concatenate(within))), max_boxes
        ),
        "iou_threshold is not used: 0.5 is always taken.": suppress(found, max_boxes, 0.5),
        "Nothing was suppressed: a box goes if it overlaps a better one by more than iou_threshold.": suppress(
            found, max_boxes, 1.0
        ),
        "The scores are those of all boxes: gather the chosen ones.": {**right, "scores": found["scores"]},
        "The boxes are all boxes: gather the chosen ones.": {**right, "boxes": found["boxes"]},
        "The classes are those of all boxes: gather the chosen ones.": {**right, "classes": found["classes"]},
    }


def eval_mistakes(picture: Picture) -> dict[str, Boxes]:
    """Tell what typical mistakes give."""

    def scaled_by(scale: Any) -> Boxes:
        found = picture.filtered()
        boxes = suppress(found, picture.max_boxes, picture.iou_threshold)
        return {**boxes, "boxes": boxes["boxes"] * np.asarray(scale, np.float32)}

    def from_boxes(boxes: np.ndarray) -> Boxes:
        found = filter_boxes(boxes, picture.confidence, picture.probabilities, picture.score_threshold)
        return suppress({**found, "boxes": found["boxes"] * picture.scale}, picture.max_boxes, picture.iou_threshold)

    height, width = picture.image_shape
    likely = picture.filtered()
    with np.errstate(all="ignore"):  # boxes that are none
        return {
            "The boxes are relative to the picture: scale_boxes must turn them into its pixels.": scaled_by([1] * 4),
            "The boxes are scaled twice: scale_boxes turns them into pixels once.": scaled_by(picture.scale**2),
            "Height and width are swapped: image_shape is (height, width), and boxes are (y1, x1, y2, x2).": scaled_by(
                [width, height, width, height]
            ),
            "image_shape is not used: (720, 1280) is always taken.": scaled_by([720, 1280, 720, 1280]),
            "The boxes are (x1, y1, x2, y2) when they are scaled: use yolo_boxes_to_corners, which gives "
            "(y1, x1, y2, x2).": from_boxes(corners(picture.box_xy, picture.box_wh)[..., [1, 0, 3, 2]]),
            "The boxes are still centre and size: yolo_boxes_to_corners must turn them into corners.": from_boxes(
                np.concatenate([picture.box_xy, picture.box_wh], axis=-1)
            ),
            "Centres and sizes are swapped: yolo_boxes_to_corners(box_xy, box_wh).": from_boxes(
                corners(picture.box_wh, picture.box_xy)
            ),
            "What yolo_non_max_suppression gives is not used: these are all boxes that are likely enough.": {
                **likely,
                "boxes": likely["boxes"] * picture.scale,
            },
        }
