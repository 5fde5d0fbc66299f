import keras
import numpy as np
import pytest

from keras_cv_course.boxes import pairwise_iou
from keras_cv_course.errors import ModelError
from keras_cv_course.models.pyramid_anchors import LARGEST_LOG, decode_boxes, encode_boxes, pyramid_anchors
from keras_cv_course.models.region_proposals import IOU_THRESHOLD, ProposeBoxes, proposal_head, score_anchors
from keras_cv_course.models.suppress_boxes import unsuppressed


def random_boxes(draw, *shape, size=100.0):
    corners = draw.uniform(0, size, (*shape, 2, 2))
    return np.concatenate([corners.min(axis=-2), corners.max(axis=-2)], axis=-1).astype(np.float32)


def slow_suppression(boxes, valid, groups, threshold):
    kept = []
    for number in np.flatnonzero(valid):
        rivals = [other for other in kept if groups[other] == groups[number]]
        if not rivals or pairwise_iou(boxes[number][None], boxes[rivals]).max() <= threshold:
            kept.append(number)
    return np.isin(np.arange(len(boxes)), kept)


def test_anchors_of_two_levels():
    anchors = pyramid_anchors([(2, 3), (1, 1)], [8, 16], [16, 32], (0.5, 1, 2))
    assert anchors.shape == (2 * 3 * 3 + 3, 4)
    assert anchors.dtype == np.float32
    # 16 x 16 pixels at half, equal and double height: 22.6 x 11.3, 16 x 16, 11.3 x 22.6, rounded at the corners.
    assert anchors[:3].tolist() == [[-11, -6, 11, 6], [-8, -8, 8, 8], [-6, -11, 6, 11]]
    assert (anchors[3:6] - anchors[:3]).tolist() == [[8, 0, 8, 0]] * 3  # the next column comes first
    assert (anchors[9:12] - anchors[:3]).tolist() == [[0, 8, 0, 8]] * 3
    assert anchors[-2].tolist() == [-16, -16, 16, 16]
    with pytest.raises(ModelError, match="for each of 1 levels"):
        pyramid_anchors([(1, 1)], [8, 16], [16])


def test_boxes_come_back_from_their_differences():
    draw = np.random.default_rng(0)
    boxes, anchors = random_boxes(draw, 2, 50), random_boxes(draw, 2, 50) + np.array([0, 0, 5, 5], np.float32)
    boxes[..., 2:] += 5
    for weights in ((1, 1, 1, 1), (10, 10, 5, 5)):
        again = decode_boxes(encode_boxes(boxes, anchors, weights), anchors, weights)
        np.testing.assert_allclose(np.asarray(again), boxes, atol=2e-4)  # float32, over exponent and logarithm
    huge = np.asarray(decode_boxes(np.full((1, 4), 50.0, np.float32), np.array([[0, 0, 10, 10]], np.float32)))
    assert huge[0, 2] - huge[0, 0] == pytest.approx(10 * np.exp(LARGEST_LOG))


@pytest.mark.parametrize("n", [0, 1, 60])
def test_suppression_is_the_greedy_one(n):
    draw = np.random.default_rng(n)
    boxes, valid, groups = random_boxes(draw, 3, n), draw.uniform(size=(3, n)) < 0.9, draw.integers(0, 2, (3, n))
    kept = np.asarray(unsuppressed(boxes, valid, groups, 0.3))
    expected = [slow_suppression(*one, 0.3) for one in zip(boxes, valid, groups, strict=True)]
    np.testing.assert_array_equal(kept, expected)
    assert n < 2 or 0 < kept.sum() < valid.sum()


def test_a_chain_of_boxes_is_settled_from_its_beginning():
    boxes = np.array(
        [[[10 * i, 0, 10 * i + 20, 10] for i in range(9)]], np.float32
    )  # each overlaps the next by a third
    kept = unsuppressed(boxes, np.ones((1, 9), bool), np.zeros((1, 9), int), 0.3)
    assert np.asarray(kept)[0].tolist() == [True, False] * 4 + [True]


def test_proposals_are_those_of_a_plain_loop():
    draw = np.random.default_rng(3)
    anchors = pyramid_anchors([(4, 4), (2, 2)], [16, 32], [24, 48])
    logits, differences = (draw.normal(0, s, shape).astype("f4") for s, shape in ((2, (2, 60)), (0.3, (2, 60, 4))))
    layer = ProposeBoxes(anchors, (48, 12), (64, 64), 20, 15)
    layer = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))

    boxes, scores = (np.asarray(x) for x in layer((logits, differences)))

    for picture in range(2):
        found = []
        for first, last in ((0, 48), (48, 60)):
            best = first + np.argsort(-logits[picture, first:last], kind="stable")[:20]
            moved = np.asarray(decode_boxes(differences[picture, best], anchors[best])).clip(0, 64)
            some = ((moved[:, 2:] - moved[:, :2]) > 0.001).all(axis=1)
            kept = slow_suppression(moved, some, np.zeros(len(best)), IOU_THRESHOLD)
            found += [(logits[picture, one], box) for one, box in zip(best[kept], moved[kept], strict=True)]
        found = sorted(found, key=lambda pair: -pair[0])[:15]
        np.testing.assert_allclose(boxes[picture, : len(found)], [box for _, box in found], atol=1e-4)
        likely = 1 / (1 + np.exp(-np.array([score for score, _ in found])))
        np.testing.assert_allclose(scores[picture, : len(found)], likely, atol=1e-5)
        assert not scores[picture, len(found) :].any()
        assert not boxes[picture, len(found) :].any()


def test_answers_of_the_head_stand_in_the_order_of_the_anchors():
    head = proposal_head(filters=4, ratios=3)
    maps = [keras.Input((2, 3, 4)), keras.Input((1, 1, 4))]
    model = keras.Model(maps, score_anchors(head, maps))
    given = [np.random.default_rng(4).standard_normal(x.shape[1:])[None].astype("f4") for x in maps]
    scores, differences = (np.asarray(x)[0] for x in model(given))
    objectness, boxes = (np.asarray(x)[0] for x in head(given[0]))
    assert scores.shape == (21,)
    assert differences.shape == (21, 4)
    assert scores[(1 * 3 + 2) * 3 + 1] == objectness[1, 2, 1]  # row 1, column 2, ratio 1
    np.testing.assert_array_equal(differences[(1 * 3 + 2) * 3 + 1], boxes[1, 2, 4:8])
