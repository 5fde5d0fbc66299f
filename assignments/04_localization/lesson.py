# %% [markdown]
# # Classification with localization
#
# A classifier says *what* is on a picture. One more step, and it says *where*: it draws a box around the one object
# that it sees, or says that there is none. The network hardly changes for that. What changes is what is asked of it:
# the vector that it shall give, and the loss that says how far off it is.
#
# In this notebook you
#
# 1. look at pictures of streets, each with one road user or none,
# 2. write box and class as one vector: `encode_target`,
# 3. read a vector back: `decode_prediction`,
# 4. give a network the right outputs: `localizer_head`,
# 5. say what is asked of it, and train it: `localization_loss`,
# 6. measure how often it is right: `correct_at_iou`,
# 7. see what happens if a detail of the loss is forgotten,
# 8. let your network look at a picture of your own.
#
# You need to know what a convolutional network is, and a little NumPy, TensorFlow and Keras. Code goes between
# `### START CODE HERE` and `### END CODE HERE` in five cells. After each of them a `check(...)` tells you at once what
# is right and what is not; the inputs it uses are drawn by a generator, so there is no answer to copy. `kcc grade` in a
# terminal grades the whole notebook.
#
# (While the next cell runs, TensorFlow writes a few red lines about your machine. They are notes, not errors.)

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow's log: what is wrong comes as an exception anyway

import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
import tensorflow.keras.layers as tfl
from matplotlib.patches import Rectangle
from PIL import Image

import keras_cv_course as kcc
from keras_cv_course.grading import check

# %% [markdown]
# ## 1. The pictures
#
# `scenes/` has 1200 pictures of streets: on three of four stands a pedestrian, a car or a motorcycle. They are
# **drawn**, so nothing has to be downloaded, and nobody had to mark the boxes by hand: who draws a car knows where it
# is. `scenes/boxes.csv` has a line for each picture, with the class and the corners of the box.
#
# **Other pictures do as well**, with at most one box each, in any of the formats that `kcc boxes` reads. Put them into
# this folder and write its name below.
#
# The last 200 pictures are held out: no training sees them.

# %%
scenes = kcc.find_boxes("scenes")
class_names = list(scenes.class_names)
num_classes = len(class_names)
crowded = [image.name for image in scenes.images if len(image) > 1]
if crowded:
    raise ValueError(f"Expected at most one box on a picture. Received: more on {len(crowded)}, such as {crowded[0]}.")

pictures = [kcc.read_image(image.path) for image in scenes.images]
boxes = [image.boxes[0] if len(image) else None for image in scenes.images]
class_ids = [int(image.class_ids[0]) if len(image) else None for image in scenes.images]
order = np.random.default_rng(0).permutation(len(pictures))
train, test = order[:-200], order[-200:]
print(f"classes: {', '.join(class_names)}; {len(train)} pictures to train with, {len(test)} held out")
print(f"picture 0: (height, width) = {pictures[0].shape[:2]}, box {boxes[0]}, class {class_ids[0]}")


def show(axis, picture, title=""):
    """Show a picture without axes."""
    axis.imshow(picture)
    axis.set_title(title, fontsize=9)
    axis.axis("off")


def draw_box(axis, box, **style):
    """Draw a box (x1, y1, x2, y2), in pixels of the picture that is shown; nothing where it is None."""
    if box is not None:
        x1, y1, x2, y2 = box
        axis.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, **style))


def name_of(class_id):
    """Name a class, or say that there is none."""
    return "nothing" if class_id is None else class_names[class_id]


figure, axes = plt.subplots(2, 5, figsize=(14, 4.8))
for axis, number in zip(axes.flat, test):
    show(axis, pictures[number], name_of(class_ids[number]))
    draw_box(axis, boxes[number], color="lime", linewidth=2)
plt.show()

# %% [markdown]
# ## 2. One vector for all of it
#
# **The idea.** A network gives numbers, always equally many. So whatever is on a picture becomes a vector of fixed
# length:
#
# $$y = [\,p_c,\; b_x,\; b_y,\; b_h,\; b_w,\; c_1,\; \dots,\; c_n\,]$$
#
# | numbers | meaning |
# | --- | --- |
# | $p_c$ | is there an object? 1 or 0 |
# | $b_x, b_y$ | the **centre** of its box |
# | $b_h, b_w$ | **height** and width of the box, in this order |
# | $c_1 \dots c_n$ | 1 for its class, 0 for the others |
#
# **Parts of the picture.** The four numbers of the box are relative: 0 is the left or upper edge of the picture, 1 the
# right or lower one. Whatever is measured along x ($b_x$ and $b_w$) is divided by the width of the picture, what is
# measured along y ($b_y$ and $b_h$) by its height. So all numbers of y are of about the same size, which a network
# likes, and the vector stays right when the picture is made smaller.
#
# **An empty picture** has $p_c = 0$. The other numbers then mean nothing, for where is the centre of an object that is
# not there? Something has to stand in the vector; we write 0. Part 5 takes care that nobody learns it.
#
# The figure shows what the numbers are. (The check and this whole notebook count pixels as in any array: y runs
# **down**, and a size is (height, width).)

# %%
example = next(number for number in test if class_ids[number] is not None)
height, width = pictures[example].shape[:2]
x1, y1, x2, y2 = boxes[example]
middle = (x1 + x2) / 2, (y1 + y2) / 2

_, axis = plt.subplots(figsize=(7, 5.2))
axis.imshow(pictures[example])
draw_box(axis, boxes[example], color="lime", linewidth=2)
axis.plot(*middle, "o", color="red")
arrow = {"arrowstyle": "<->", "color": "red", "shrinkA": 0, "shrinkB": 0}
for start, end, name, place in (
    ((0, middle[1]), middle, "$b_x$", (middle[0] / 2, middle[1] - 3)),
    ((middle[0], 0), middle, "$b_y$", (middle[0] + 2, middle[1] / 2)),
    ((x1, y2 + 3), (x2, y2 + 3), "$b_w$", (middle[0], y2 + 12)),
    ((x2 + 3, y1), (x2 + 3, y2), "$b_h$", (x2 + 5, middle[1])),
):
    axis.annotate("", start, end, arrowprops=arrow)
    axis.text(*place, name, color="red", fontsize=13, bbox={"color": "white", "alpha": 0.8, "pad": 1})
axis.set_xticks([0, width / 2, width], ["0", "0.5", "1"])
axis.set_yticks([0, height / 2, height], ["0", "0.5", "1"])
plt.show()

# %% [markdown]
# ### Exercise 1: `encode_target`
#
# The vector of zeros is there; fill it in where there is an object. Classes are counted from 0: class 0 is $c_1$, and
# that is `y[5]`.

# %%
# GRADED FUNCTION: encode_target


def encode_target(box, class_id, image_size, num_classes):
    """Write what is on a picture as the vector that the network shall give.

    Args:
        box: (x1, y1, x2, y2), the left upper and the right lower corner in pixels; None without an object.
        class_id: 0 to num_classes - 1; None without an object.
        image_size: (height, width) of the picture in pixels.
        num_classes: the number of classes, n.

    Returns:
        y: float32 (5 + n,), p_c, b_x, b_y, b_h, b_w, c_1 .. c_n; all 0 without an object.
    """
    height, width = image_size
    y = np.zeros(5 + num_classes, np.float32)
    ### START CODE HERE
    # Where there is an object: p_c; its centre, its height and its width as parts of the picture; its class
    if box is not None:
        x1, y1, x2, y2 = box
        y[0] = 1
        y[1:3] = (x1 + x2) / 2 / width, (y1 + y2) / 2 / height
        y[3:5] = (y2 - y1) / height, (x2 - x1) / width
        y[5 + class_id] = 1
    #~ y = None
    ### END CODE HERE

    return y


# %%
check(encode_target)

# %% [markdown]
# All targets, and those of some pictures:

# %%
Y = np.stack(
    [
        encode_target(box, class_id, picture.shape[:2], num_classes)
        for picture, box, class_id in zip(pictures, boxes, class_ids)
    ]
)
print("targets:", Y.shape)
print("              p_c   b_x   b_y   b_h   b_w   " + "  ".join(f"c_{number + 1}" for number in range(num_classes)))
for number in test[:6]:
    numbers = "  ".join(f"{value:4.2f}" for value in Y[number])
    print(f"{name_of(class_ids[number]):12}  {numbers}")

# %% [markdown]
# ## 3. And back
#
# **The idea.** What a network gives is such a vector too, but with numbers in between: $p_c$ = 0.93, classes 0.7, 0.2
# and 0.1. To read it
#
# - compare **$p_c$** with a threshold. Below it there is no object, whatever the other numbers are;
# - take the class whose number is the largest;
# - turn centre and size into corners, and parts of the picture into pixels.
#
# **Not the product.** In YOLO the confidence times the class probability decides. Here $p_c$ alone does: it is asked
# whether there is *anything*, and the softmax over the classes tells what, *if* there is something.
#
# ### Exercise 2: `decode_prediction`
#
# It turns round what `encode_target` does. Half of the width lies to the left of the centre, half to the right.

# %%
# GRADED FUNCTION: decode_prediction


def decode_prediction(y, image_size, threshold=0.5):
    """Read the vector that a network gives for a picture.

    Args:
        y: (5 + n,), p_c, b_x, b_y, b_h, b_w, c_1 .. c_n.
        image_size: (height, width) of the picture in pixels.
        threshold: there is an object if p_c is at least this.

    Returns:
        box: (4,), x1, y1, x2, y2 in pixels; None without an object.
        class_id: 0 to n - 1; None without an object.
    """
    height, width = image_size
    ### START CODE HERE
    # Nothing there
    if y[0] < threshold:
        return None, None

    # Corners, in pixels
    b_x, b_y, b_h, b_w = y[1:5]
    x1, x2 = (b_x - b_w / 2) * width, (b_x + b_w / 2) * width
    y1, y2 = (b_y - b_h / 2) * height, (b_y + b_h / 2) * height
    box = np.array([x1, y1, x2, y2])
    #~ box = None

    # The most likely class
    class_id = int(np.argmax(y[5:]))
    #~ class_id = None
    ### END CODE HERE

    return box, class_id


# %%
check(decode_prediction)

# %% [markdown]
# There and back must give the same. Two functions that are wrong in the same way would pass this test, so it is
# not the only one that you have. But two that do not fit together will not:

# %%
largest = 0.0
for picture, box, class_id, y in zip(pictures, boxes, class_ids, Y):
    box_again, class_again = decode_prediction(y, picture.shape[:2])
    assert class_again == class_id
    if box is not None:
        largest = max(largest, np.abs(box_again - box).max())
print(f"{len(Y)} vectors there and back: the boxes differ by at most {largest:.5f} pixels")

# %% [markdown]
# ## 4. A network that says where
#
# **A base that has seen streets.** As in transfer learning, the first layers are taken over: those of the small road
# detector that the package brings. They turn a picture of 96 x 128 pixels into a map of 6 x 8 places with 192
# features, and stay as they are. So the map of each picture is computed once, and training takes seconds.
#
# **Mirrored pictures** double what there is to learn from. The box must be mirrored too: $b_x$ becomes $1 - b_x$, and
# nothing else changes.

# %%
SIZE = (96, 128)


def resize(picture):
    """Make a picture as large as the base wants it: pixels of 0..1."""
    return np.asarray(Image.fromarray(picture).resize(SIZE[::-1]), "float32") / 255


def mirror(y):
    """Give the targets (m, 5 + n) of mirrored pictures."""
    mirrored = y.copy()
    mirrored[:, 1] = np.where(y[:, 0] == 1, 1 - y[:, 1], 0)
    return mirrored


started = time.time()
detector = kcc.open_detector("road-yolov2").model
first_layers = keras.Model(detector.input, detector.get_layer("conv13_leaky").output)
base = keras.models.clone_model(first_layers, input_tensors=keras.Input((*SIZE, 3)))
base.set_weights(first_layers.get_weights())

X = np.stack([resize(picture) for picture in pictures])
X_train, Y_train = np.concatenate([X[train], X[train, :, ::-1]]), np.concatenate([Y[train], mirror(Y[train])])
map_train, map_test = (base.predict(x, batch_size=50, verbose=0) for x in (X_train, X[test]))
print(f"maps of {map_train.shape[1:]} for {len(map_train)} pictures, in {time.time() - started:.0f} s")

# %% [markdown]
# **Where?** A classifier takes the mean over all places of the map; then nobody knows any more where something was. Our
# network has eight *pointers*. Each looks at every place and gives it a weight, a softmax over the 48 places, so that
# it looks mostly at one of them. What it brings back are the features of that place, and its two **coordinates**, which
# we put beside the features. Training finds out what to point at. (A `Flatten` would know the places too, but it has
# to learn what a wheel is for each of them anew.)
#
# This part is given. The outputs are yours.


# %%
def pointers(count=8):
    """Make the body of the network: from a map (m, rows, columns, features) to 64 numbers (m, 64).

    Returns:
        body: the model, with the coordinates inside.
        looking: a model from the same map to the weights of each place, (m, rows * columns, count).
    """
    rows, columns, channels = map_train.shape[1:]
    seen = keras.Input((rows, columns, channels))
    y, x = np.meshgrid((np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij")
    where = tf.constant(np.stack([x, y], axis=-1)[np.newaxis], "float32")  # (1, rows, columns, 2)
    coordinates = tfl.Lambda(lambda seen: tf.repeat(where, tf.shape(seen)[0], axis=0), (rows, columns, 2))(seen)
    both = tfl.Concatenate()([seen, coordinates])  # (m, rows, columns, channels + 2)
    weights = tfl.Conv2D(count, 3, padding="same")(both)
    weights = tfl.Softmax(axis=1)(tfl.Reshape((rows * columns, count))(weights))
    brought = tfl.Dot(axes=1)([weights, tfl.Reshape((rows * columns, channels + 2))(both)])  # (m, count, channels + 2)
    return keras.Model(seen, tfl.Dense(64, activation="relu")(tfl.Flatten()(brought))), keras.Model(seen, weights)


# %% [markdown]
# **Three kinds of numbers, three activations.**
#
# | numbers | activation | why |
# | --- | --- | --- |
# | $p_c$ | sigmoid | one question, yes or no: a probability |
# | $b_x, b_y, b_h, b_w$ | none (linear) | positions and lengths, no probabilities |
# | $c_1 \dots c_n$ | softmax | one of several: probabilities that add up to 1 |
#
# Beware: a softmax over *one* number is always 1. And a softmax over all of y would make $p_c$, the box and the classes
# fight for a sum of 1.
#
# ### Exercise 3: `localizer_head`
#
# Put three `Dense` layers on the features, side by side, and join what they give with `tfl.Concatenate()([..., ...])`,
# in the order of y.

# %%
# GRADED FUNCTION: localizer_head


def localizer_head(features, num_classes):
    """Put the outputs of a localizer on features.

    Args:
        features: Keras tensor (m, k).
        num_classes: the number of classes, n.

    Returns:
        Keras tensor (m, 5 + n): p_c, b_x, b_y, b_h, b_w, c_1 .. c_n.
    """
    ### START CODE HERE
    # Is there an object?
    p_c = tfl.Dense(1, activation="sigmoid")(features)
    #~ p_c = None

    # Where?
    box = tfl.Dense(4)(features)
    #~ box = None

    # What is it?
    classes = tfl.Dense(num_classes, activation="softmax")(features)
    #~ classes = None

    # All of it, in the order of y
    y = tfl.Concatenate()([p_c, box, classes])
    #~ y = None
    ### END CODE HERE

    return y


# %%
check(localizer_head)

# %% [markdown]
# ## 5. What is asked of it
#
# **The idea.** One loss for each part of y, each of the kind that fits:
#
# | part | loss | |
# | --- | --- | --- |
# | $p_c$ | logistic | $-p_c \log \hat p_c - (1 - p_c) \log(1 - \hat p_c)$ |
# | the box | squared error | the sum of $(\hat b - b)^2$ over the four numbers |
# | the classes | cross-entropy | $-\sum_i c_i \log \hat c_i$: minus the log of the right class's number |
#
# **The mask.** If there is no object, box and classes mean nothing, so they must not count. Both are multiplied by the
# **true** $p_c$, which is 1 or 0:
#
# $$L = \text{logistic}(p_c) + p_c \cdot \big(\text{squared error} + \text{cross-entropy}\big)$$
#
# The first part counts always: from empty pictures a network learns to say that they are empty.
#
# **Why not the squared error for everything?** It would do; the lecture begins with it. The figure shows what speaks
# for the logistic loss. A network that is sure and wrong should be pulled back hardest, and the pull is the slope.
# Through the sigmoid, the squared error hardly pulls there at all.

# %%
logits = np.linspace(-8, 8, 161)
probability = 1 / (1 + np.exp(-logits))
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2))
left.plot(logits, -np.log(probability), label="logistic")
left.plot(logits, (1 - probability) ** 2, label="squared error")
left.set(title="the loss where there is an object ($p_c = 1$)", xlabel="logit, before the sigmoid")
right.plot(logits, 1 - probability, label="logistic")
right.plot(logits, 2 * (1 - probability) ** 2 * probability, label="squared error")
right.set(title="its slope: how hard a step of training pulls", xlabel="logit, before the sigmoid")
for axis in (left, right):
    axis.axvspan(-8, -3, color="red", alpha=0.1)
    axis.text(-7.8, axis.get_ylim()[1] * 0.5, "sure\nand wrong", color="red", fontsize=9)
    axis.legend()
plt.show()

# %% [markdown]
# **Two traps.**
#
# - $\log 0$ is minus infinity, and $0 \cdot \infty$ is no number. A sigmoid in float32 does give exactly 1 for a logit
#   of 17. So keep probabilities away from the ends before the logarithm:
#   `tf.clip_by_value(p, 1e-7, 1 - 1e-7)`.
# - The loss is wanted **for each picture**, (m,): sums go over the numbers of a picture (`axis=-1`) and never over the
#   pictures. Keras takes the mean over the batch itself.
#
# ### Exercise 4: `localization_loss`

# %%
# GRADED FUNCTION: localization_loss


def localization_loss(y_true, y_pred):
    """Say how far predictions are off.

    Args:
        y_true: float32 (m, 5 + n), p_c, b_x, b_y, b_h, b_w, c_1 .. c_n. Where p_c is 0, the other numbers are anything.
        y_pred: float32 (m, 5 + n), likewise, of a network.

    Returns:
        The loss of each picture, (m,).
    """
    there = y_true[:, 0]
    ### START CODE HERE
    # Logistic loss of p_c
    p = tf.clip_by_value(y_pred[:, 0], 1e-7, 1 - 1e-7)
    of_object = -there * tf.math.log(p) - (1 - there) * tf.math.log(1 - p)
    #~ of_object = None

    # Squared error of the box, added up
    of_box = tf.reduce_sum(tf.square(y_pred[:, 1:5] - y_true[:, 1:5]), axis=-1)
    #~ of_box = None

    # Cross-entropy of the classes
    classes = tf.clip_by_value(y_pred[:, 5:], 1e-7, 1.0)
    of_class = -tf.reduce_sum(y_true[:, 5:] * tf.math.log(classes), axis=-1)
    #~ of_class = None

    # Together: box and classes count where there is an object
    loss = of_object + there * (of_box + of_class)
    #~ loss = None
    ### END CODE HERE

    return loss


# %%
check(localization_loss)

# %% [markdown]
# Now everything is there, and the network can learn. 12 epochs take some ten seconds.

# %%
def build():
    """Make a new network: pointers and your head. Gives it, and the model of where its pointers look."""
    keras.utils.set_random_seed(0)
    body, looking = pointers()
    return keras.Model(body.input, localizer_head(body.output, num_classes)), looking


def train_with(loss, epochs=12):
    """Train a new network with a loss; give it, where its pointers look, and the course of the loss."""
    model, looking = build()
    steps = epochs * -(-len(map_train) // 32)
    model.compile(optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.004, steps)), loss=loss)
    started = time.time()
    history = model.fit(
        map_train, Y_train, batch_size=32, epochs=epochs, validation_data=(map_test, Y[test]), verbose=0
    )
    print(f"{epochs} epochs in {time.time() - started:.0f} s")
    return model, looking, history.history


model, looking, history = train_with(localization_loss)
predicted = model.predict(map_test, verbose=0)

figure, axis = plt.subplots(figsize=(6, 3))
axis.plot(np.arange(1, 13), history["loss"], label="training")
axis.plot(np.arange(1, 13), history["val_loss"], label="held-out pictures")
axis.set(xlabel="epoch", title="loss", yscale="log")
axis.legend()
plt.show()

# %% [markdown]
# Green: what is there. Red: what your network says.


# %%
def show_predictions(numbers, predictions, title=None):
    """Show pictures with their boxes (green) and those of predictions (red)."""
    _, axes = plt.subplots(2, 5, figsize=(14, 4.8))
    for axis, number, y in zip(axes.flat, numbers, predictions):
        box, class_id = decode_prediction(y, pictures[number].shape[:2])
        show(axis, pictures[number], title or f"{name_of(class_id)}, $p_c$ = {y[0]:.2f}")
        draw_box(axis, boxes[number], color="lime", linewidth=1.5)
        draw_box(axis, box, color="red", linewidth=1.5)
    plt.show()


show_predictions(test, predicted)

# %% [markdown]
# What do the eight pointers look at? One picture, and the weights of each pointer: some have learned to find an end of
# the thing, others its middle or the ground below it.

# %%
rows, columns = map_test.shape[1:3]
place = list(test).index(example)
weights = looking.predict(map_test[place : place + 1], verbose=0)[0].reshape(rows, columns, -1)
figure, axes = plt.subplots(1, 8, figsize=(16, 1.8))
for axis, weight in zip(axes, np.moveaxis(weights, -1, 0)):
    show(axis, pictures[example])
    axis.imshow(weight, extent=axis.get_images()[0].get_extent(), cmap="inferno", vmin=0, alpha=0.65)
plt.show()

# %% [markdown]
# ## 6. How often is it right?
#
# **The idea.** "The box is off by 0.03" says little: for a bus that is nothing, for a pedestrian it is half their
# width. *Intersection over union* (IoU) compares the boxes as areas: 1 for the same box, 0 for boxes that do not
# overlap. By custom a box counts as right from an **IoU of 0.5** on. So a prediction is right
#
# - where there is an object: if it is found ($\hat p_c \geq 0.5$), **and** its class is right, **and** the IoU is at
#   least 0.5;
# - where there is none: if nothing is found ($\hat p_c < 0.5$). Box and class do not matter.
#
# One number for everything: the share of the pictures on which the network is right.
#
# `iou` is given (you write it yourself in the assignment on car detection). It wants corners; in which unit does not
# matter, for the IoU of parts of the picture is that of its pixels.


# %%
def iou(boxes1, boxes2):
    """Divide intersections by unions: boxes (m, 4), each (x1, y1, x2, y2), and (m, 4) give (m,)."""
    low, high = np.maximum(boxes1[:, :2], boxes2[:, :2]), np.minimum(boxes1[:, 2:], boxes2[:, 2:])
    intersection = np.prod(np.maximum(high - low, 0), axis=-1)
    area1, area2 = (np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=-1) for boxes in (boxes1, boxes2))
    return intersection / np.maximum(area1 + area2 - intersection, 1e-12)


# %% [markdown]
# ### Exercise 5: `correct_at_iou`
#
# `np.stack([...], axis=-1)` makes corners (m, 4) of four arrays (m,). `&` is "and" for arrays of truths, `~` is "not",
# and `np.where(condition, a, b)` takes from `a` where the condition is true, else from `b`.

# %%
# GRADED FUNCTION: correct_at_iou


def correct_at_iou(y_true, y_pred, iou_threshold=0.5):
    """Say of each picture whether the prediction is right.

    Args:
        y_true: (m, 5 + n), p_c, b_x, b_y, b_h, b_w, c_1 .. c_n; 0 everywhere without an object.
        y_pred: (m, 5 + n), likewise, of a network.
        iou_threshold: the least IoU of a box that is right.

    Returns:
        Truths (m,).
    """
    ### START CODE HERE
    # Is there an object, is one found (p_c of at least 0.5), and is the class the same?
    there, found = y_true[:, 0] == 1, y_pred[:, 0] >= 0.5
    same_class = np.argmax(y_true[:, 5:], axis=-1) == np.argmax(y_pred[:, 5:], axis=-1)
    #~ there, found = None, None
    #~ same_class = None

    # The IoU of the boxes: corners first
    corners = []
    for y in (y_true, y_pred):
        b_x, b_y, b_h, b_w = y[:, 1], y[:, 2], y[:, 3], y[:, 4]
        corners.append(np.stack([b_x - b_w / 2, b_y - b_h / 2, b_x + b_w / 2, b_y + b_h / 2], axis=-1))
    overlap = iou(corners[0], corners[1])
    #~ overlap = None

    # Right
    correct = np.where(there, found & same_class & (overlap >= iou_threshold), ~found)
    #~ correct = None
    ### END CODE HERE

    return correct


# %%
check(correct_at_iou)

# %% [markdown]
# **Where does it fail?** The threshold on the left says how exact a box must be. At an IoU of 0 only presence and class
# are asked, and nearly all is right. So the network knows very well *what* it sees; *how exactly where* is the hard
# part. On the right: pictures on which it is wrong.

# %%
is_correct = correct_at_iou(Y[test], predicted)
print(f"right at an IoU of 0.5: {np.mean(is_correct):.3f} of {len(test)} held-out pictures")
for class_id in [None, *range(num_classes)]:
    these = [class_ids[number] == class_id for number in test]
    print(f"  {name_of(class_id):12} {np.mean(is_correct[these]):.3f} of {np.sum(these)}")

thresholds = np.linspace(0, 0.95, 20)
shares = [np.mean(correct_at_iou(Y[test], predicted, threshold)) for threshold in thresholds]
figure, axes = plt.subplots(1, 4, figsize=(15, 2.8))
axes[0].plot(thresholds, shares, "o-")
axes[0].axvline(0.5, color="grey", linestyle="--")
axes[0].set(xlabel="IoU threshold", title="share that is right", ylim=(0, 1.02))
for axis, place in zip(axes[1:], np.flatnonzero(~is_correct)):
    number = test[place]
    box, class_id = decode_prediction(predicted[place], pictures[number].shape[:2])
    show(axis, pictures[number], f"{name_of(class_id)}, $p_c$ = {predicted[place, 0]:.2f}")
    draw_box(axis, boxes[number], color="lime", linewidth=1.5)
    draw_box(axis, box, color="red", linewidth=1.5)
plt.show()

# %% [markdown]
# More pictures, more epochs and a network that is trained from its first layer on do better: the package's own
# localizer, `kcc localize`, is made in this way.

# %% [markdown]
# ## 7. The mask forgotten
#
# **The experiment.** The same network, trained with a loss in which box and classes count for every picture. Of empty
# pictures it then learns that their "box" is 0, 0, 0, 0: a point in the left upper corner. No error tells you so, and
# the loss goes down nicely.
#
# What does that do to pictures that are *not* empty? We let things fade out, by blending each picture more and more
# with an empty one. On the way the network is in doubt whether there is something. Guess, before you run it: what
# becomes of the box?


# %%
def loss_without_mask(y_true, y_pred):
    """Let box and classes count for every picture."""
    of_object = keras.losses.binary_crossentropy(y_true[:, :1], y_pred[:, :1])
    of_box = tf.reduce_sum(tf.square(y_pred[:, 1:5] - y_true[:, 1:5]), axis=-1)
    return of_object + of_box + keras.losses.categorical_crossentropy(y_true[:, 5:], y_pred[:, 5:])


without_mask, _, _ = train_with(loss_without_mask)
networks = {"masked": model, "not masked": without_mask}
for name, network in networks.items():
    print(f"{name:11} {np.mean(correct_at_iou(Y[test], network.predict(map_test, verbose=0))):.3f} right")

some = [number for number in test if class_ids[number] is not None][:40]
empty = [number for number in test if class_ids[number] is None][:40]
shares = np.array([0, 0.2, 0.4, 0.6, 0.8, 1])  # of the empty picture
blends = [(1 - share) * X[some] + share * X[np.resize(empty, len(some))] for share in shares]
maps = [base.predict(blend, verbose=0) for blend in blends]
seen = {name: [network.predict(each, verbose=0) for each in maps] for name, network in networks.items()}

figure, axes = plt.subplots(1, 7, figsize=(17, 2.4))
colours = {"masked": "red", "not masked": "blue"}
for axis, share, blend, place in zip(axes, shares, blends, range(len(shares))):
    show(axis, blend[0], f"faded by {share:.0%}")
    for name, colour in colours.items():
        draw_box(axis, decode_prediction(seen[name][place][0], SIZE, threshold=0)[0], color=colour, linewidth=2)
for name, colour in colours.items():
    sizes = [np.mean(y[:, 3:5]) / np.mean(Y[some, 3:5]) for y in seen[name]]
    axes[6].plot(shares, sizes, "o-", color=colour, label=name)
axes[6].set(title="size of the boxes / right size", xlabel="faded by", ylim=(0, None))
axes[6].legend(fontsize=8)
plt.show()

# %% [markdown]
# The more in doubt the network that was trained without the mask is, the smaller its box (blue), and the nearer to the
# corner: it gives a mixture of the box and of the point that it learned for empty pictures. So its boxes are less exact
# where it is hardly in doubt, too, and fewer of them are right. With the mask (red) the box answers the question *where
# is it, if it is there?*, and the doubt stays where it belongs, in $p_c$. On a picture that is quite empty the red box
# is anything: nobody ever asked for it, and nobody looks at it.

# %% [markdown]
# ## 8. Your own picture
#
# Put a picture into this folder and write its name below.

# %%
my_image = "my_street.jpg"

picture = kcc.read_image(my_image)
y = model.predict(base.predict(resize(picture)[np.newaxis], verbose=0), verbose=0)[0]
box, class_id = decode_prediction(y, picture.shape[:2])

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4))
show(left, picture, name_of(class_id))
draw_box(left, box, color="red", linewidth=2)
right.barh(["$p_c$", *class_names], [y[0], *y[5:]], color=["tab:red", *["tab:blue"] * num_classes])
right.set(xlim=(0, 1), title="is there something, and if so, what?")
right.invert_yaxis()
figure.tight_layout()
plt.show()

# %% [markdown]
# On a photograph it will often be wrong: it has only seen drawings. And two cars on a picture are more than one vector
# can say. For that, the picture is divided into cells with a vector each: that is YOLO, in the assignment on car
# detection.
#
# ## 9. Mistakes, and what they look like
#
# Everyone makes some of these. The checks recognise them; here is how you notice them without a check.
#
# | mistake | what it looks like |
# | --- | --- |
# | height and width swapped | Upright boxes around cars, and lying ones around pedestrians. |
# | the left upper corner for the centre | Boxes too far down and to the right, by half of their size. |
# | pixels for parts of the picture | The loss is in the thousands and hardly falls; $p_c$ and class are not learned. |
# | x divided by the height | Boxes are right on square pictures only. |
# | the class one place too early | $b_w$ is 1 for class 0: boxes as wide as the picture. |
# | a vector of whole numbers | `dtype=int` cuts all parts of the picture off to 0. |
# | an empty picture with a class, or $p_c = 1$ | The network sees things on empty streets. |
# | $p_c$ times the class number compared | Things that are hard to tell apart are not found at all. |
# | the largest of all of y for the class | Class numbers of 5 and more, or always the same. |
# | a softmax on $p_c$ | Something is found on every picture: $p_c$ is always 1. |
# | one softmax over everything | The box is never large, for all numbers add up to 1. |
# | a ReLU or sigmoid on the box | It trains; with the ReLU some of the four numbers stay 0 for ever. |
# | the outputs in another order | The loss is strange from the first step: logarithms of a box. |
# | the mask forgotten | Boxes shrink towards the left upper corner where the network is in doubt. |
# | $p_c$ masked too | Empty pictures teach nothing: something is found everywhere. |
# | the mask made of the predicted $p_c$ | The network learns to find nothing: then nothing counts. |
# | the squared error for $p_c$ | Training is slow where the network is sure and wrong. |
# | the mean over the four numbers, or the classes | Boxes or classes are learned more slowly than they could be. |
# | the mean over the pictures | Nothing, in Keras; but you do not see which picture is hard. |
# | no `clip` before the logarithm | Some day the loss is `nan`, and so are all weights. |
# | the class not asked | Too good: a box around a car that is called a motorcycle counts. |
# | `>` for `>=` | Hardly ever anything: an IoU of exactly 0.5 is gone. |
# | empty pictures always right, or never | The share does not change with $p_c$, or stays below 3/4. |
#
# ## 10. Grade it
#
# Save the notebook, then run in a terminal, in this folder:
#
# ```
# kcc grade localization.ipynb --assignment 04
# ```
#
# It runs the checks above and hidden ones, with other inputs, and says what earned points.
