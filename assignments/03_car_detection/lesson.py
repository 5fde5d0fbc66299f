# %% [markdown]
# # Car detection
#
# A classifier says *what* is on a picture. A car that drives itself must know *where*, and for everything at once: five
# cars, two pedestrians, a traffic light. YOLO ("you only look once") does it with a single pass of one convolutional
# network, fast enough for a video.
#
# The network does the seeing, but what comes out of it are some thousand boxes, and nearly all of them are worth
# nothing. The rest of the work, from these numbers to the few boxes that count, is yours in this notebook. You
#
# 1. look at what the network gives: grid, anchors, confidence, classes,
# 2. drop the boxes that nothing is in: `yolo_filter_boxes`,
# 3. measure how far two boxes are the same: `iou`,
# 4. keep one box of the many around each car: `yolo_non_max_suppression`,
# 5. put it all together: `yolo_eval`,
# 6. find cars on pictures of roads, on your own photographs too.
#
# You need to know what a convolutional network is, and a little NumPy. Code goes between `### START CODE HERE` and
# `### END CODE HERE` in four cells. After each of them a `check(...)` tells you at once what is right and what is not;
# the inputs it uses are drawn by a generator, so there is no answer to copy. `kcc grade` in a terminal grades the
# whole notebook.
#
# (While the next cell runs, TensorFlow writes a few red lines about your machine. They are notes, not errors.)

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow's log: what is wrong comes as an exception anyway

import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from matplotlib.patches import Rectangle
from PIL import Image

import keras_cv_course as kcc
from keras_cv_course import scale_boxes, yolo_boxes_to_corners
from keras_cv_course.grading import check

# %% [markdown]
# ## 1. What the network gives
#
# The package brings a small YOLOv2 that knows five classes of things on roads. It was trained on drawn roads, like the
# ones in `images/`; so nothing has to be downloaded.
#
# The network takes pictures of one size, 480 x 832 pixels here (height x width, as always in this notebook).
# `detector.prepare` makes any picture fit, with a strip of grey where the proportions differ.

# %%
detector = kcc.open_detector("road-yolov2")
class_names = list(detector.class_names)
anchors = np.array(detector.anchors)  # (5, 2): width and height in cells
print("classes:", ", ".join(class_names))

road = kcc.read_image("images/road_3.jpg")
pixels, placement = detector.prepare(road)
raw_output = detector.model.predict(pixels[np.newaxis], verbose=0)
print("picture:", road.shape, "  what the network sees:", pixels.shape, "  its output:", raw_output.shape)

# %% [markdown]
# **The grid.** The output has 15 x 26 cells. Each stands for a square of 32 x 32 pixels and is in charge of the objects
# whose *centre* lies in it.
#
# **The anchors.** Two things may have their centres in the same cell, a pedestrian in front of a bus. And it is easier
# to say "a little wider than that" than to guess a width from nothing. So each cell has five boxes to offer, each with
# a shape to begin with, an *anchor*. The five anchors are typical shapes of the objects the network was trained on.
#
# **The numbers.** For each cell and each anchor the network gives 5 + 5 numbers, so 5 x 10 = 50 for a cell:
#
# | numbers | meaning |
# | --- | --- |
# | $t_x, t_y$ | where in the cell the centre is: $\sigma(t_x)$ and $\sigma(t_y)$ are between 0 and 1 |
# | $t_w, t_h$ | the size: the anchor's width times $e^{t_w}$, its height times $e^{t_h}$ |
# | $t_o$ | the **confidence** $\sigma(t_o)$: how sure it is that there is an object |
# | 5 more | after a softmax, the **class probabilities**: if there is an object, what it is |
#
# $\sigma$ is the sigmoid. It keeps each centre in its cell, so that cells cannot take each other's objects. The
# exponential keeps sizes positive. The function `yolo_head` turns all the numbers into boxes in this way, with
# centres and sizes as parts of the picture: 0 is its left or upper edge and 1 the right or lower one.

# %%
yolo_outputs = kcc.yolo_head(raw_output, anchors, len(class_names))
for name, output in zip(("box_xy", "box_wh", "box_confidence", "box_class_probs"), yolo_outputs):
    print(f"{name:16} (pictures, rows, columns, anchors, numbers) = {tuple(output.shape)}")

box_xy, box_wh, box_confidence, box_class_probs = (output[0].numpy() for output in yolo_outputs)  # of the one picture
rows, columns = np.shape(box_xy)[:2]
print("boxes:", rows * columns * len(anchors))

# %% [markdown]
# Left: the grid. Right: in each cell the confidence of its best box. The network sees the cars; around each of them
# several cells are in doubt which of them is in charge. That will matter in part 4.


# %%
def show(axis, picture, title=""):
    """Show a picture without axes."""
    axis.imshow(picture)
    axis.set_title(title, fontsize=10)
    axis.axis("off")


def draw_box(axis, box, **style):
    """Draw a box (y1, x1, y2, x2), in pixels of the picture that is shown."""
    y1, x1, y2, x2 = box
    axis.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, **style))


height, width = np.shape(pixels)[:2]
cell = int(height / rows)  # pixels
best_confidence = box_confidence.max(axis=(2, 3))

figure, (left, right) = plt.subplots(1, 2, figsize=(14, 4.4))
show(left, pixels, f"{rows} x {columns} cells of {cell} x {cell} pixels")
for row in range(1, rows):
    left.axhline(row * cell - 0.5, color="white", linewidth=0.6)
for column in range(1, columns):
    left.axvline(column * cell - 0.5, color="white", linewidth=0.6)
show(right, pixels, "confidence of the best box in each cell")
heat = right.imshow(
    best_confidence, extent=right.get_images()[0].get_extent(), cmap="inferno", vmin=0, vmax=1, alpha=0.7
)
figure.colorbar(heat, ax=right, fraction=0.026)
plt.show()

# %% [markdown]
# **The experiment.** Take the box with the highest confidence and compute it by hand, from its cell, its anchor and its
# ten numbers. (Change `row, column, anchor` to look at another one.)

# %%
row, column, anchor = np.unravel_index(box_confidence.argmax(), (rows, columns, len(anchors)))
t_x, t_y, t_w, t_h, t_o, *t_classes = raw_output[0, row, column].reshape(len(anchors), -1)[anchor]


def sigmoid(x):
    """Squeeze a number between 0 and 1."""
    return 1 / (1 + np.exp(-x))


by_hand = {
    "centre x": ((column + sigmoid(t_x)) / columns, box_xy[row, column, anchor, 0]),
    "centre y": ((row + sigmoid(t_y)) / rows, box_xy[row, column, anchor, 1]),
    "width": (anchors[anchor, 0] * np.exp(t_w) / columns, box_wh[row, column, anchor, 0]),
    "height": (anchors[anchor, 1] * np.exp(t_h) / rows, box_wh[row, column, anchor, 1]),
    "confidence": (sigmoid(t_o), box_confidence[row, column, anchor, 0]),
}
for name, (by_us, by_head) in by_hand.items():
    print(f"{name:10}  by hand {by_us:.5f}   yolo_head {by_head:.5f}")
for name, probability in zip(class_names, box_class_probs[row, column, anchor]):
    print(f"  if there is an object, it is a {name:14}{probability:.4f}")


def show_box(row, column, anchor):
    """Draw a cell, the anchors in its middle, and the box that comes of one of them."""
    _, axis = plt.subplots(figsize=(9, 5))
    show(axis, pixels, "the cell (white), its anchors (the box's own dashed), and the box that comes of it (red)")
    draw_box(axis, [row * cell, column * cell, (row + 1) * cell, (column + 1) * cell], color="white", linewidth=2)
    for number, (across, down) in enumerate(anchors * cell):
        x, y = (column + 0.5) * cell, (row + 0.5) * cell
        style = {"color": "yellow", "linestyle": "--", "linewidth": 2} if number == anchor else {"color": "grey"}
        draw_box(axis, [y - down / 2, x - across / 2, y + down / 2, x + across / 2], **style)
    x, y = box_xy[row, column, anchor] * [width, height]
    across, down = box_wh[row, column, anchor] * [width, height]
    draw_box(axis, [y - down / 2, x - across / 2, y + down / 2, x + across / 2], color="red", linewidth=2)
    axis.plot(x, y, "o", color="red")
    plt.show()


show_box(row, column, anchor)

# %% [markdown]
# ## 2. Is there anything in the box?
#
# **The idea.** The confidence is the probability that there is an object, $P(\text{object})$. The class probabilities
# are those *if* there is one, $P(\text{car} \mid \text{object})$. Their product is what we want to know:
#
# $$\text{score}(\text{car}) = P(\text{object}) \cdot P(\text{car} \mid \text{object}) = P(\text{car is there})$$
#
# Neither of them is enough. A box of sky may be "99 % traffic light, if anything", with a confidence of nothing. And a
# box that surely holds something, but half car and half lorry, is not a sure car.
#
# Each box has one score for each class. Its class is the one with the best score, and this best score is the box's
# score. A box stays if its score is **at least** the threshold.

# %%
all_scores = np.multiply(box_confidence, box_class_probs)  # (rows, columns, anchors, classes)
second_best = np.sort(all_scores.reshape(rows, columns, -1))[..., -2]
row, column = np.unravel_index(second_best.argmax(), (rows, columns))  # a cell with two good boxes


def show_scores(row, column):
    """Show the scores of a cell's boxes as a table."""
    _, axis = plt.subplots(figsize=(7, 3.4))
    axis.imshow(all_scores[row, column], cmap="Blues", vmin=0, vmax=1.2, aspect="auto")
    for number, scores_of_box in enumerate(all_scores[row, column]):
        for label, score in enumerate(scores_of_box):
            is_best = label == scores_of_box.argmax()
            axis.text(label, number, f"{score:.3f}", ha="center", va="center", weight="bold" if is_best else "normal")
    axis.set_xticks(range(len(class_names)), class_names)
    axis.set_yticks(range(len(anchors)), [f"box {number}" for number in range(len(anchors))])
    axis.set_title(f"scores in the cell of row {row}, column {column}; bold: the best of each box", fontsize=10)
    plt.show()


show_scores(row, column)

# %% [markdown]
# In this table each row is a box and each column is a class. The best class of a box is found **along its row**, and
# classes are the last axis: `axis=-1`. Along another axis TensorFlow compares boxes with each other, and does not
# complain. (Two good boxes in one cell, both for the same car: part 4 comes back to that.)
#
# ### Exercise 1: `yolo_filter_boxes`
#
# `tf.math.argmax(x, axis=...)` says where the largest number is, `tf.math.reduce_max(x, axis=...)` how large it is.
# `tf.boolean_mask(x, mask)` keeps the entries of `x` at which `mask` is true; if `x` has more axes than the mask, whole
# boxes stay or go.

# %%
# GRADED FUNCTION: yolo_filter_boxes


def yolo_filter_boxes(boxes, box_confidence, box_class_probs, threshold=0.6):
    """Keep the boxes whose best class is likely enough.

    Args:
        boxes: (pictures, rows, columns, anchors, 4); there may be fewer axes before the last.
        box_confidence: (pictures, rows, columns, anchors, 1).
        box_class_probs: (pictures, rows, columns, anchors, classes).
        threshold: a box stays if its best score is at least this.

    Returns:
        scores: (n,), of the boxes that stay.
        boxes: (n, 4).
        classes: (n,), whole numbers: the best class of each box.
    """
    ### START CODE HERE
    # The score of each box for each class
    box_scores = box_confidence * box_class_probs
    #~ box_scores = None

    # The best class of each box, and its score
    best_classes = tf.math.argmax(box_scores, axis=-1)
    best_scores = tf.math.reduce_max(box_scores, axis=-1)
    #~ best_classes = None
    #~ best_scores = None

    # True for the boxes that stay
    mask = best_scores >= threshold
    #~ mask = None

    # What is left of scores, boxes and classes
    scores = tf.boolean_mask(best_scores, mask)
    boxes = tf.boolean_mask(boxes, mask)
    classes = tf.boolean_mask(best_classes, mask)
    #~ scores = None
    #~ boxes = None
    #~ classes = None
    ### END CODE HERE

    return scores, boxes, classes


# %%
check(yolo_filter_boxes)

# %% [markdown]
# What is left, at three thresholds? `yolo_boxes_to_corners` turns centres and sizes into corners (y1, x1, y2, x2): **y
# comes first**, as in (row, column) and in (height, width). TensorFlow's functions for boxes want them in this order.

# %%
all_boxes = yolo_boxes_to_corners(yolo_outputs[0], yolo_outputs[1])
in_pixels = np.array([height, width, height, width])

figure, axes = plt.subplots(1, 3, figsize=(15, 3.4))
for axis, threshold in zip(axes, (0.01, 0.3, 0.6)):
    scores, boxes, classes = yolo_filter_boxes(all_boxes, yolo_outputs[2], yolo_outputs[3], threshold)
    show(axis, pixels, f"threshold {threshold}: {len(scores)} of {rows * columns * len(anchors)} boxes")
    for box, label in zip(boxes.numpy() * in_pixels, classes.numpy()):
        draw_box(axis, box, color=f"C{label}")
plt.show()

# %% [markdown]
# The empty boxes are gone, and with a low threshold the far cars are still there. But a near car has several boxes, at
# every threshold. A higher one does not help: it first takes the far cars, and the near ones keep their crowds. To
# remove copies, we first need to say what a copy is.

# %% [markdown]
# ## 3. How far are two boxes the same?
#
# **The idea.** *Intersection over union*: the area that both boxes cover, divided by the area that at least one of them
# covers. It is 1 for equal boxes and 0 for boxes that do not overlap, and it does not depend on the unit or on the
# size of the picture.
#
# The figure counts squares, which anyone can check by eye.


# %%
def count_squares(box1, box2, step=1.0):
    """Count the squares that both boxes cover, and those that at least one of them covers: boxes (x1, y1, x2, y2)."""
    x, y = np.meshgrid(np.arange(0, 10, step) + step / 2, np.arange(0, 7, step) + step / 2)
    inside1, inside2 = ((x > x1) & (x < x2) & (y > y1) & (y < y2) for x1, y1, x2, y2 in (box1, box2))
    return np.sum(inside1 & inside2), np.sum(inside1 | inside2)


def show_pair(axis, box1, box2, title):
    """Draw two boxes (x1, y1, x2, y2) on squared paper, and fill what they share."""
    for (x1, y1, x2, y2), colour in ((box1, "tab:blue"), (box2, "tab:orange")):
        axis.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, facecolor=colour, alpha=0.25))
        draw_box(axis, (y1, x1, y2, x2), edgecolor=colour, linewidth=2)
    low, high = np.maximum(box1[:2], box2[:2]), np.minimum(box1[2:], box2[2:])
    if (high > low).all():
        axis.add_patch(Rectangle(low, *(high - low), facecolor="tab:green", hatch="//", alpha=0.6))
    axis.set(xlim=(0, 10), ylim=(7, 0), xticks=range(11), yticks=range(8), aspect="equal")  # y points down
    axis.grid(alpha=0.5)
    axis.set_title(title, fontsize=10)


first, second = (1, 1, 6, 5), (3, 2, 9, 6)
both, any_of_them = count_squares(first, second)
_, axis = plt.subplots(figsize=(6, 4))
show_pair(axis, first, second, f"intersection {both}, union {any_of_them}, IoU {both / any_of_them:.3f}")
axis.set(xlabel="x, to the right", ylabel="y, downwards")
plt.show()

# %% [markdown]
# Three facts make a formula of it.
#
# - The intersection is a box itself. Its left edge is the *larger* of the two left edges, its right edge the *smaller*
#   of the two right ones; the same with top and bottom.
# - If the boxes do not overlap, this gives a negative width or height. Then the intersection is 0. Beware of two
#   negative numbers: their product is positive again. Boxes that lie apart in both directions would get an overlap.
# - The union is the sum of the two areas, in which the intersection is counted twice, so subtract it once.
#
# A box from `x1` to `x2` is `x2 - x1` wide: edges lie between pixels. (Here boxes are (x1, y1, x2, y2). In this one
# function the order of the axes makes no difference to the result, but keep the two of them apart.)
#
# ### Exercise 2: `iou`

# %%
# GRADED FUNCTION: iou


def iou(box1, box2):
    """Divide the intersection of two boxes by their union.

    Args:
        box1: (x1, y1, x2, y2), the left upper and the right lower corner.
        box2: the same.

    Returns:
        A number from 0 to 1.
    """
    box1_x1, box1_y1, box1_x2, box1_y2 = box1
    box2_x1, box2_y1, box2_x2, box2_y2 = box2
    ### START CODE HERE
    # The corners of the intersection
    x1, y1 = max(box1_x1, box2_x1), max(box1_y1, box2_y1)
    x2, y2 = min(box1_x2, box2_x2), min(box1_y2, box2_y2)
    #~ x1, y1 = None, None
    #~ x2, y2 = None, None

    # Its area: neither width nor height is negative
    intersection = max(x2 - x1, 0) * max(y2 - y1, 0)
    #~ intersection = None

    # The area of the union
    area1 = (box1_x2 - box1_x1) * (box1_y2 - box1_y1)
    area2 = (box2_x2 - box2_x1) * (box2_y2 - box2_y1)
    union = area1 + area2 - intersection
    #~ union = None

    result = intersection / union
    #~ result = None
    ### END CODE HERE

    return result


# %%
check(iou)

# %% [markdown]
# **What do the values look like?** In the right figure a box moves away from its copy. Half a width is already an IoU
# of only 1/3, and 0.5 is a third of a width. So a threshold of 0.5 means: boxes that are off by less than a third of
# their width are taken for the same thing. In two directions at once, still less is enough.

# %%
figure, axes = plt.subplots(1, 4, figsize=(17, 3.4))
pairs = {
    "shifted": ((1, 1, 6, 5), (3, 2, 9, 6)),
    "one inside the other": ((1, 1, 9, 6), (4, 2, 7, 5)),
    "only a corner": ((1, 1, 4, 4), (4, 4, 8, 6)),
}
for axis, (name, (first, second)) in zip(axes, pairs.items()):
    counted = np.divide(*count_squares(first, second))
    show_pair(axis, first, second, f"{name}: {iou(first, second):.3f}, counted {counted:.3f}")
shifts = np.linspace(0, 1.2, 61)
axes[3].plot(shifts, [iou((0, 0, 1, 1), (shift, 0, 1 + shift, 1)) for shift in shifts], label="in one direction")
axes[3].plot(shifts, [iou((0, 0, 1, 1), (shift, shift, 1 + shift, 1 + shift)) for shift in shifts], label="in both")
axes[3].axhline(0.5, color="lightgrey")
axes[3].axvline(1 / 3, color="lightgrey")
axes[3].set(xlabel="shift, in widths of the box", title="IoU with the copy")
axes[3].legend()
plt.show()

# %% [markdown]
# ## 4. Of many boxes the best
#
# **The idea.** *Non-max suppression* is a greedy rule:
#
# 1. Take the box with the best score. It stays.
# 2. Drop every box whose IoU with it is more than `iou_threshold`: these are copies of it.
# 3. Go on with the best of the boxes that are left, until none is left or `max_boxes` of them stay.
#
# `tf.image.non_max_suppression(boxes, scores, max_output_size, iou_threshold=...)` does all that and gives the
# **indices** of the boxes that stay, by falling score. It knows nothing of classes.
#
# **Class by class.** A pedestrian in front of a car, a cyclist on a bicycle: boxes of different classes may overlap as
# much as they like, for they are no copies of each other. So the rule is applied within each class. (An older notebook
# of the course applies it to all boxes at once. The figure shows what that costs.)

# %%
street_boxes = np.array([[4, 2, 10, 11], [2.5, 2.6, 10, 11.6], [4.3, 1.8, 10, 10.8]], np.float32)
street_scores = np.array([0.9, 0.8, 0.75], np.float32)
street_classes = ["car", "bus", "car"]


def keep(numbers):
    """Apply the rule to some of the boxes of this street: give the numbers of those that stay."""
    best = tf.image.non_max_suppression(street_boxes[numbers], street_scores[numbers], 10, iou_threshold=0.5)
    return np.array(numbers)[best.numpy()].tolist()


stories = {
    "before": [0, 1, 2],
    "all classes at once": keep([0, 1, 2]),
    "class by class": keep([0, 2]) + keep([1]),
}
figure, axes = plt.subplots(1, 3, figsize=(13, 3.4))
for axis, (title, numbers) in zip(axes, stories.items()):
    for number in numbers:
        name, score = street_classes[number], street_scores[number]
        colour = {"car": "tab:blue", "bus": "tab:orange"}[name]
        draw_box(axis, street_boxes[number], edgecolor=colour, linewidth=2, label=f"{name} {score:.2f}")
    axis.set(xlim=(0, 21), ylim=(11, 1), xticks=[], yticks=[], title=title)
    axis.legend(loc="upper right")
plt.show()

# %% [markdown]
# A car drives right in front of a bus. All classes at once: the bus disappears, because the car has the better score.
# Class by class, only the copy of the car goes.
#
# ### Exercise 3: `yolo_non_max_suppression`
#
# The loop over the classes is there. In the first gap, find the boxes of one class that stay. The indices that come
# back are places among the boxes **of this class**; with `tf.gather(members, ...)` they become places among all boxes.
#
# After the loop the chosen boxes of all classes are joined, one class after the other. In the second gap, bring them
# into the order of their scores, the best first, and keep the first `max_boxes` of them.
# `tf.argsort(x, direction="DESCENDING")` gives the order.

# %%
# GRADED FUNCTION: yolo_non_max_suppression


def yolo_non_max_suppression(scores, boxes, classes, max_boxes=10, iou_threshold=0.5):
    """Keep the best boxes, and of those of a class that overlap only the best.

    Args:
        scores: (n,).
        boxes: (n, 4), each (y1, x1, y2, x2).
        classes: (n,).
        max_boxes: the largest number of boxes to keep, of all classes together.
        iou_threshold: a box goes if its IoU with a better one of its class is more than this.

    Returns:
        scores: (k,), by falling score.
        boxes: (k, 4).
        classes: (k,).
    """
    scores, boxes = tf.cast(scores, tf.float32), tf.cast(boxes, tf.float32)
    chosen = [tf.zeros(0, tf.int64)]  # one part for each class; and one without boxes, in case that there are none
    for label in tf.unique(classes)[0]:
        members = tf.where(classes == label)[:, 0]  # places of this class's boxes
        ### START CODE HERE
        # Which of this class's boxes stay: their places among this class's boxes
        best = tf.image.non_max_suppression(
            tf.gather(boxes, members), tf.gather(scores, members), max_boxes, iou_threshold=iou_threshold
        )
        #~ best = None

        # Their places among all boxes
        kept = tf.gather(members, best)
        #~ kept = None
        ### END CODE HERE
        chosen.append(tf.cast(kept, tf.int64))
    chosen = tf.concat(chosen, axis=0)

    ### START CODE HERE
    # The best first, and at most max_boxes
    order = tf.argsort(tf.gather(scores, chosen), direction="DESCENDING")
    chosen = tf.gather(chosen, order[:max_boxes])
    #~ chosen = None

    # What belongs to the chosen boxes
    scores = tf.gather(scores, chosen)
    boxes = tf.gather(boxes, chosen)
    classes = tf.gather(classes, chosen)
    #~ scores = None
    #~ boxes = None
    #~ classes = None
    ### END CODE HERE

    return scores, boxes, classes


# %%
check(yolo_non_max_suppression)

# %% [markdown]
# Before and after, on the road. The boxes that overlap and stay are really different cars.

# %%
before = yolo_filter_boxes(all_boxes, yolo_outputs[2], yolo_outputs[3], 0.3)
after = yolo_non_max_suppression(*before, max_boxes=100, iou_threshold=0.5)

figure, axes = plt.subplots(1, 2, figsize=(15, 4.6))
for axis, (scores, boxes, classes), name in zip(axes, (before, after), ("before", "after")):
    show(axis, pixels, f"{name}: {len(scores)} boxes")
    for box, label in zip(boxes.numpy() * in_pixels, classes.numpy()):
        draw_box(axis, box, color=f"C{label}", linewidth=1.5)
plt.show()

# %% [markdown]
# **The experiment.** How many boxes stay depends on `iou_threshold`. Too low, and a car in front suppresses the one
# behind it. Too high, and copies stay. In between lies a wide region in which little changes, and that is why
# nobody has to search long for a good value. Where does the number begin to rise?

# %%
thresholds = np.linspace(0, 1, 41)
counts = [len(yolo_non_max_suppression(*before, max_boxes=1000, iou_threshold=float(value))[0]) for value in thresholds]

figure, axes = plt.subplots(1, 4, figsize=(17, 3))
axes[0].plot(thresholds, counts)
axes[0].set(xlabel="iou_threshold", title="boxes that stay")
for axis, value in zip(axes[1:], (0.01, 0.5, 0.9)):
    scores, boxes, classes = yolo_non_max_suppression(*before, max_boxes=1000, iou_threshold=value)
    show(axis, pixels, f"iou_threshold {value}: {len(scores)} boxes")
    for box, label in zip(boxes.numpy() * in_pixels, classes.numpy()):
        draw_box(axis, box, color=f"C{label}")
plt.show()

# %% [markdown]
# ## 5. The whole way
#
# **The idea.** Each step has its place:
#
# | step | from | to |
# | --- | --- | --- |
# | `yolo_boxes_to_corners` | centres and sizes, x before y | corners (y1, x1, y2, x2), as parts of the picture |
# | `yolo_filter_boxes` | all boxes | the boxes that are likely enough |
# | `scale_boxes` | parts of the picture | its pixels |
# | `yolo_non_max_suppression` | many boxes for each thing | one |
#
# Two thresholds go to two different functions: `score_threshold` says what is likely enough, `iou_threshold` what is a
# copy.
#
# **What may change places?** Scaling multiplies both axes by a number. It changes no score, and intersection and union
# by the same factor. So it may come before or after filtering, and before or after suppression: the boxes are the same.
# But it has to come **after the corners**. `scale_boxes` multiplies the first and the third number by the height,
# because these are y1 and y2; of anything else it makes nonsense, without an error.
#
# Filtering before suppression is a matter of time. Suppression compares boxes in pairs: 31 boxes make 465 pairs, all
# 1950 boxes 1.9 million.
#
# ### Exercise 4: `yolo_eval`
#
# `scale_boxes(boxes, image_shape)` takes corners and (height, width).

# %%
# GRADED FUNCTION: yolo_eval


def yolo_eval(yolo_outputs, image_shape=(720.0, 1280.0), max_boxes=10, score_threshold=0.6, iou_threshold=0.5):
    """Turn what `yolo_head` gives for one picture into the boxes that count.

    Args:
        yolo_outputs: box_xy, box_wh, box_confidence, box_class_probs.
        image_shape: (height, width) of the picture in pixels.
        max_boxes: the largest number of boxes to keep.
        score_threshold: least score of a box.
        iou_threshold: a box goes if its IoU with a better one of its class is more than this.

    Returns:
        scores: (k,), by falling score.
        boxes: (k, 4), each (y1, x1, y2, x2) in pixels.
        classes: (k,).
    """
    box_xy, box_wh, box_confidence, box_class_probs = yolo_outputs
    ### START CODE HERE
    # Corners
    boxes = yolo_boxes_to_corners(box_xy, box_wh)
    #~ boxes = None

    # The boxes that are likely enough
    scores, boxes, classes = yolo_filter_boxes(boxes, box_confidence, box_class_probs, score_threshold)
    #~ scores, boxes, classes = None, None, None

    # In pixels of the picture
    boxes = scale_boxes(boxes, image_shape)
    #~ boxes = None

    # One box for each thing
    scores, boxes, classes = yolo_non_max_suppression(scores, boxes, classes, max_boxes, iou_threshold)
    #~ scores, boxes, classes = None, None, None
    ### END CODE HERE

    return scores, boxes, classes


# %%
check(yolo_eval)

# %% [markdown]
# One picture, right and wrong in three ways. Pictures like these say more than numbers: draw your boxes as soon as you
# have some.


# %%
def show_mistakes(boxes):
    """Draw right boxes (n, 4), in pixels of what the network sees, and what mistakes would have made of them."""
    relative, swapped = boxes / in_pixels, [1, 0, 3, 2]
    results = {
        "right": boxes,
        "not scaled": relative,
        "height and width swapped": relative * in_pixels[swapped],
        "x before y when they were scaled": relative[:, swapped] * in_pixels,
    }
    _, axes = plt.subplots(1, 4, figsize=(17, 2.8))
    for axis, (title, result) in zip(axes, results.items()):
        show(axis, pixels, title)
        for box in result:
            draw_box(axis, box, color="red", linewidth=2)
    arrow = {"color": "red", "arrowstyle": "->"}
    axes[1].annotate("all of them here", (0, 0), (200, 120), color="white", arrowprops=arrow)
    plt.show()


right_scores, right_boxes, right_classes = yolo_eval(yolo_outputs, (height, width), max_boxes=100)
show_mistakes(right_boxes.numpy())

# %% [markdown]
# ## 6. Find the cars
#
# Now everything is yours but the network. `find` takes a picture of any size through the network and through **your**
# `yolo_eval`. The boxes are then in pixels of what the network saw; `placement.boxes_to_image` takes them back to the
# picture itself.


# %%
def find(picture, score_threshold=0.6):
    """Find things on a picture with your functions: scores (k,), boxes (k, 4) as (y1, x1, y2, x2) and classes (k,)."""
    prepared, its_placement = detector.prepare(picture)
    outputs = kcc.yolo_head(detector.model.predict(prepared[np.newaxis], verbose=0), anchors, len(class_names))
    scores, boxes, classes = yolo_eval(outputs, detector.input_size, max_boxes=50, score_threshold=score_threshold)
    corners = its_placement.boxes_to_image(kcc.yxyx_to_xyxy(boxes.numpy()))
    corners = kcc.clip_xyxy(corners, picture.shape[:2])  # a box may reach beyond the edge of the picture
    return scores.numpy(), kcc.xyxy_to_yxyx(corners), classes.numpy()


def draw(picture, found):
    """Draw on a copy of a picture what `find` gave."""
    scores, boxes, classes = found
    return kcc.draw_boxes(Image.fromarray(picture), boxes, classes, class_names, scores)


files = sorted(path for path in Path("images").iterdir() if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
pictures = [kcc.read_image(path) for path in files]
found = [find(picture) for picture in pictures]

figure, axes = plt.subplots((len(files) + 1) // 2, 2, figsize=(15, 4.3 * ((len(files) + 1) // 2)), squeeze=False)
for axis in axes.flat:
    axis.axis("off")
for axis, path, picture, (scores, boxes, classes) in zip(axes.flat, files, pictures, found):
    cars = np.sum(classes == class_names.index("car"))
    show(axis, draw(picture, (scores, boxes, classes)), f"{path.name}: {len(scores)} things, {cars} of them cars")
plt.tight_layout()
plt.show()

# %% [markdown]
# Does the package's own `detect` find the same? It does the selection in NumPy, in another way than you.

# %%
for path, (scores, boxes, _), theirs in zip(files, found, kcc.detect(detector, pictures)):
    same = len(scores) == len(theirs)
    difference = np.abs(boxes - kcc.xyxy_to_yxyx(theirs.boxes)).max(initial=0) if same else np.nan
    print(f"{path.name}: {len(scores)} boxes, detect has {len(theirs)}; largest difference {difference:.4f} pixels")

# %% [markdown]
# **The experiment.** A lower threshold finds more of the far things, and more that is not there. A higher one finds
# fewer and is nearly always right. There is no best value: a car that brakes for shadows is as useless as one that
# brakes for nobody. Which of the boxes on the left are wrong?

# %%
figure, axes = plt.subplots(1, 3, figsize=(17, 3.6))
for axis, threshold in zip(axes, (0.15, 0.6, 0.85)):
    some = find(road, threshold)
    show(axis, draw(road, some), f"score_threshold {threshold}: {len(some[0])} boxes")
plt.show()

# %% [markdown]
# **Where does the time go?** Nearly all of it into the network. That is what "you only look once" means: one pass,
# however many things there are.

# %%
started = time.perf_counter()
raw_output = detector.model.predict(pixels[np.newaxis], verbose=0)
after_network = time.perf_counter()
yolo_eval(kcc.yolo_head(raw_output, anchors, len(class_names)), detector.input_size)
print(f"network {after_network - started:.2f} s, your functions {time.perf_counter() - after_network:.2f} s")

# %% [markdown]
# ### Your own photographs
#
# Put photographs of roads into `images/`, taken from a car or from the kerb, and run the cells of this part again. The
# network has never seen a photograph. It finds near and middle-sized cars all the same, misses many of the far ones,
# and sometimes takes the end of a car for a pedestrian: try a threshold of 0.4.
#
# For everyday things there are the weights of the original YOLOv2, with 80 classes, trained on photographs. The package
# downloads them once (200 MB): write `kcc.open_detector("yolov2")` at the top of this notebook. Everything below
# works without a change, for your functions do not depend on the grid, the anchors or the classes.

# %%
my_image = "images/road_1.jpg"

my_picture = kcc.read_image(my_image)
_, axis = plt.subplots(figsize=(10, 6))
show(axis, draw(my_picture, find(my_picture, score_threshold=0.4)), my_image)
plt.show()

# %% [markdown]
# ## 7. Mistakes, and what they look like
#
# Everyone makes some of these. The checks recognise them; here is how you notice them without a check.
#
# | mistake | what it looks like |
# | --- | --- |
# | the best class along the wrong axis | Boxes of wrong shapes; no error if anchors and classes are equally many. |
# | the confidence left out | Boxes all over the sky: "if anything, a traffic light". |
# | the mask made of the confidence alone | Boxes with scores below the threshold. |
# | `>` for `>=` | Hardly ever anything: a score of exactly the threshold is gone. |
# | `<` for `>=` | Nearly all boxes stay, and none of them is around a car. |
# | a result that is not masked | Scores, boxes and classes of different lengths. |
# | a threshold that is not used | The number of boxes does not change with it. |
# | the intersection counted twice | The IoU of a box with itself is 0.5. |
# | the intersection not divided | IoUs above 1. |
# | a negative width or height | Boxes that lie apart have an IoU below 0; diagonally apart, one above 0. |
# | minimum and maximum swapped | IoUs above 1 and below 0. |
# | `+ 1` in widths | Boxes that only touch overlap, and boxes between 0 and 1 all do. |
# | x1, x2, y1, y2 for x1, y1, x2, y2 | The IoU changes when both boxes move together. |
# | all classes suppress each other | The bus behind a car is missing. |
# | places in a class taken for places among all boxes | Boxes of other classes come back, and the same box twice. |
# | classes joined, but not sorted | The first box is not the best; with a small `max_boxes` a whole class is missing. |
# | `max_boxes` for each class | More boxes than `max_boxes`. |
# | boxes not scaled | All boxes are in the left upper corner, smaller than a pixel. |
# | height and width swapped | Boxes too far to the left, too low, and too high for their width. |
# | x before y when the boxes are scaled | A row of cars becomes a column. |
# | centre and size taken for corners | Boxes between a car and the left upper corner. |
# | the two thresholds swapped | At 0.6 and 0.5 little; at 0.3 and 0.5 the far cars are missing and copies go. |
#
# Not a mistake: scaling the corners before filtering. The boxes are the same, to the last bit.
#
# ## 8. Grade it
#
# Save the notebook, then run in a terminal, in this folder:
#
# ```
# kcc grade car_detection.ipynb --assignment 03
# ```
#
# It runs the checks above and hidden ones, with other inputs, and says what earned points.
