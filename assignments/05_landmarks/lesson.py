# %% [markdown]
# # Landmarks
#
# A box says where a face is. To see whether its eyes are open, to turn it upright or to put a crown on it, you need
# more: the places of single points, *landmarks*. The corners of the eyes, the tip of the nose, the line of the jaw.
#
# A network can simply give numbers: one for "there is a face", and two for each point. In this notebook you
#
# 1. look at faces and their points,
# 2. write down what the network should say of a picture: `encode_landmarks`,
# 3. write its loss, in which points do not count where there is no face: `landmark_loss`,
# 4. mirror pictures with their points, to have more of them: `flip_points`,
# 5. train a network, and measure how far off it is: `normalized_mean_error`,
# 6. let another network draw a map for each point, and read the points from it: `encode_heatmaps`,
#    `decode_heatmaps`,
# 7. count how often somebody blinks: `eye_aspect_ratio`,
# 8. put glasses on faces, on your own too.
#
# You need to know what a convolutional network is, and a little NumPy and Keras. Code goes between `### START CODE
# HERE` and `### END CODE HERE` in seven cells, a few lines in each. After each of them a `check(...)` tells you at
# once what is right and what is not; the inputs it uses are drawn by a generator, so there is no answer to copy.
# `kcc grade` in a terminal grades the whole notebook.
#
# (While the next cell runs, TensorFlow writes a few red lines about your machine. They are notes, not errors.)

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow's log: what is wrong comes as an exception anyway

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers
from PIL import Image, ImageDraw

from keras_cv_course.grading import check

# %% [markdown]
# ## 1. Faces and their points
#
# `datasets/faces.npz` has 640 pictures of 64 x 64 pixels. Most of them show a face, and every fifth or so shows none.
# They are **drawn**: so nothing has to be downloaded, and where each point is, is known exactly.

# %%
with np.load("datasets/faces.npz") as data:
    images, points, has_face = data["images"], data["points"], data["has_face"]
height, width = images.shape[1:3]
print("pictures:", images.shape, "  points (x, y):", points.shape, "  with a face:", has_face.sum())


def show(axis, picture, title=""):
    """Show a picture without axes, so that points fit: matplotlib would begin to count at a centre."""
    axis.imshow(picture, extent=(0, width, height, 0))
    axis.set_title(title, fontsize=10)
    axis.axis("off")


figure, axes = plt.subplots(2, 8, figsize=(15, 4))
for axis, number in zip(axes.flat, range(16)):
    show(axis, images[number])
    if has_face[number]:
        axis.scatter(*points[number].T, s=3, color="yellow")
plt.show()

# %% [markdown]
# **The order of the points.** A network gives numbers, not names: that the fourth pair of them is the left corner of
# the left eye is a matter of agreement. These are 68 points in the most common order: 0 to 16 the jaw, 17 to 26 the
# brows, 27 to 35 the nose, 36 to 47 the eyes, 48 to 67 the mouth. *Left* is what is at the left **in the picture**.
#
# The networks below find four of them, the corners of the eyes: 36, 39, 42 and 45. So they are small enough to be
# trained in seconds. Nothing that you write depends on the number of points.
#
# **Where does counting begin?** A point may lie anywhere, also between pixels, so its numbers need a place to begin.
# Here it is the left upper **corner** of the picture: x = 0 is the left edge, x = `width` the right one, and the centre
# of the first pixel is at 0.5. (Others begin at the centre of the first pixel. Mix the two, and all points are half a
# pixel off.) A point is (x, y): x to the right, y **downwards**. But an array has its rows first: `image[y, x]`, and a
# size is (height, width).

# %%
CORNERS = [36, 39, 42, 45]
corners = points[:, CORNERS]  # (m, 4, 2): from left to right

number = int(np.flatnonzero(has_face)[0])
figure, (left, right) = plt.subplots(1, 2, figsize=(15, 7))
show(left, images[number], "all 68 points, counted from 0")
for name, (x, y) in enumerate(points[number]):
    left.text(x, y, str(name), color="yellow", fontsize=8, ha="center", va="center")
right.imshow(images[number], extent=(0, width, height, 0))
low, high = corners[number].min(axis=0) - 4, corners[number].max(axis=0) + 4
right.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), title="the four corners of the eyes, in pixels")
right.scatter(*corners[number].T, color="yellow", s=25)
for name, (x, y) in enumerate(corners[number]):
    right.text(x, y - 0.7, str(name), color="yellow", ha="center", fontsize=12)
plt.show()

# %% [markdown]
# ## 2. What the network should say
#
# **The idea.** For a picture with $n$ points a network has $1 + 2n$ numbers to give:
#
# $$y = [\,p,\; x_1,\; y_1,\; x_2,\; y_2,\; \ldots,\; x_n,\; y_n\,]$$
#
# $p$ is 1 if there is a face, and 0 if there is none. The coordinates are fractions of the picture: x divided by its
# width, y by its height. So they lie between 0 and 1 whatever the size of the picture, which a network finds easier to
# learn than numbers in the hundreds.
#
# With the 4 corners of the eyes that is 9 numbers, with 64 points 129, and with the 68 points above 137.
#
# If there is no face, $p = 0$ and the rest does not matter. Something has to stand there all the same, for an array has
# no holes. Here it is zeros.
#
# ### Exercise 1: `encode_landmarks`
#
# `points / [width, height]` divides all x by the first number and all y by the second one. `reshape(-1)` puts rows
# one after another, and `np.concatenate([a, b])` joins them.

# %%
# GRADED FUNCTION: encode_landmarks


def encode_landmarks(points, image_size, num_points):
    """Write down what a network should say of a picture.

    Args:
        points: (num_points, 2), each (x, y) in pixels; None for a picture without a face.
        image_size: (height, width) of the picture in pixels.
        num_points: how many points a face has.

    Returns:
        An array (1 + 2 * num_points,): 1, x1, y1, x2, y2, ..., with x as a fraction of the width and y as one of the
        height. All of them are 0 where there is no face.
    """
    height, width = image_size
    if points is None:
        ### START CODE HERE
        numbers = np.zeros(1 + 2 * num_points, np.float32)
        #~ numbers = None
        ### END CODE HERE
    else:
        ### START CODE HERE
        numbers = np.concatenate([[1], (points / [width, height]).reshape(-1)]).astype(np.float32)
        #~ numbers = None
        ### END CODE HERE

    return numbers


# %%
check(encode_landmarks)

# %%
targets = np.stack(
    [encode_landmarks(face if is_face else None, (height, width), 4) for face, is_face in zip(corners, has_face)]
)
train, held_out = slice(0, 512), slice(512, None)  # no training sees those that are held out
print("targets:", targets.shape)
for number in (int(np.flatnonzero(has_face)[0]), int(np.flatnonzero(~has_face)[0])):
    print(f"picture {number}:", np.round(targets[number], 3))

# %% [markdown]
# ## 3. What is an error?
#
# **The idea.** Two things may be wrong. Whether there is a face is a question of yes and no, with the logistic loss.
# Where the points are is a question of distances, with squares:
#
# $$L = -\bigl(p \log \hat p + (1 - p) \log (1 - \hat p)\bigr) \;+\; p \, \sum_{k=1}^{n}
# \bigl((\hat x_k - x_k)^2 + (\hat y_k - y_k)^2\bigr)$$
#
# Look at the $p$ before the sum. It is the **true** one. In a picture without a face it is 0, so whatever the network
# says of the points there costs nothing. Without it the network would have to learn that the eyes of nobody are in
# the left upper corner, because of our zeros: it would pull *all* eyes a little that way.
#
# A probability of exactly 0 has no logarithm. So $\hat p$ is kept between $10^{-7}$ and $1 - 10^{-7}$.
#
# ### Exercise 2: `landmark_loss`
#
# Keras wants one number for each picture of a batch, and takes the mean itself. It has to be TensorFlow, for it will be
# differentiated: `tf.math.log`, `tf.square`, and `tf.reduce_sum(x, axis=1)`, which adds up each row.

# %%
# GRADED FUNCTION: landmark_loss


def landmark_loss(y_true, y_pred):
    """Measure how wrong a network's numbers are.

    Args:
        y_true: tensor (m, 1 + 2n), as `encode_landmarks` makes them.
        y_pred: tensor (m, 1 + 2n): the probability of a face, and the coordinates.

    Returns:
        Tensor (m,): the loss of each picture.
    """
    has_face = y_true[:, 0]
    probability = tf.clip_by_value(y_pred[:, 0], 1e-7, 1 - 1e-7)
    ### START CODE HERE
    # The logistic loss of the probability
    of_face = -(has_face * tf.math.log(probability) + (1 - has_face) * tf.math.log(1 - probability))
    #~ of_face = None

    # The sum of the squared differences of all coordinates
    of_points = tf.reduce_sum(tf.square(y_pred[:, 1:] - y_true[:, 1:]), axis=1)
    #~ of_points = None

    # The points count where there is a face
    loss = of_face + has_face * of_points
    #~ loss = None
    ### END CODE HERE

    return loss


# %%
check(landmark_loss)

# %% [markdown]
# **The experiment.** A network that sees no picture can only say the same of every one. Which points are best for it
# to say? With the $p$ in the sum, the mean corners of all *faces*. Without it, something on the way to the left upper
# corner, though no eye was ever there.

# %%
with_face = targets[:, 0] == 1
best_with_mask = targets[with_face, 1:].mean(axis=0)  # the mean has the smallest sum of squares
best_without_mask = targets[:, 1:].mean(axis=0)

figure, axis = plt.subplots(figsize=(5, 5))
show(axis, images[with_face].mean(axis=0).astype(int), "the mean of all faces, and the best points for it")
for best, colour, label in (
    (best_with_mask, "yellow", "points count in faces only"),
    (best_without_mask, "red", "points count everywhere"),
):
    axis.scatter(*(best.reshape(4, 2) * [width, height]).T, s=18, color=colour, label=label)
axis.legend()
plt.show()

# %% [markdown]
# ## 4. More faces out of few
#
# **The idea.** The mirror image of a face is a face. So each picture can be used twice, if its points are mirrored
# with it. Two things happen to them.
#
# - **The place.** What was x away from the left edge is as far away from the right edge, which is at `width`. So x
#   becomes `width - x`. (Who counts from the centre of the first pixel writes `width - 1 - x`; here all points would be
#   a pixel too far to the left. Nobody sees that by eye, and the network learns it faithfully.) y stays.
# - **The name.** Point 0 is the outer corner of the eye **at the left in the picture**. After the flip, that corner is
#   at the right, where point 3 should be. So the points have to be put into another order, and each gets the place of
#   its mirror image. `permutation[k]` says which of the old points becomes the new point `k`.

# %%
CORNERS_MIRRORED = [3, 2, 1, 0]  # 0 and 3 are the outer corners, 1 and 2 the inner ones
COLOURS = ["blue", "deepskyblue", "orange", "red"]  # of the points 0 to 3


def show_names(axis, picture, four_corners, title=""):
    """Show a picture with its corners: the left eye in blue, the right one in red."""
    show(axis, picture, title)
    axis.scatter(*four_corners.T, s=14, color=COLOURS)


number = int(np.flatnonzero(has_face)[1])
only_moved = np.stack([width - corners[number, :, 0], corners[number, :, 1]], axis=-1)
figure, axes = plt.subplots(1, 3, figsize=(14, 4.6))
show_names(axes[0], images[number], corners[number], "a face: the left eye is blue")
show_names(axes[1], images[number, :, ::-1], only_moved, "its mirror image, points moved: blue is at the right")
show_names(axes[2], images[number, :, ::-1], only_moved[CORNERS_MIRRORED], "moved and renamed")
plt.show()

# %% [markdown]
# ### Exercise 3: `flip_points`
#
# `points[..., 0]` are all x, however many axes there are before the last. `points[..., permutation, :]` takes points in
# another order. `np.stack([x, y], axis=-1)` makes points of x and y.

# %%
# GRADED FUNCTION: flip_points


def flip_points(points, width, permutation):
    """Mirror the points of pictures, left to right.

    Args:
        points: (..., n, 2), each (x, y) in pixels: of a face, or of many.
        width: of the picture, in pixels.
        permutation: n numbers: which of the old points becomes each of the new ones.

    Returns:
        The points (..., n, 2) in the mirrored picture.
    """
    ### START CODE HERE
    # Where the points are in the mirrored picture
    x = width - points[..., 0]
    mirrored = np.stack([x, points[..., 1]], axis=-1)
    #~ x = None
    #~ mirrored = None

    # Left is right now
    flipped = mirrored[..., permutation, :]
    #~ flipped = None
    ### END CODE HERE

    return flipped


# %%
check(flip_points)

# %% [markdown]
# Flipping twice gives the old points again. That is a good test, but not a sufficient one: it also holds for points
# that keep their names.

# %%
flipped = flip_points(corners, width, CORNERS_MIRRORED)
twice = flip_points(flipped, width, CORNERS_MIRRORED)
print(f"flipped twice, and compared with the old points: {np.abs(twice - corners).max():.6f}")

# %% [markdown]
# ## 5. The first network
#
# Four convolutions that halve the picture, one dense layer, and the nine numbers. The probability goes through a
# sigmoid; the coordinates stay as they are. Your loss is all that tells the network what these numbers mean.
#
# **The experiment.** The network is trained twice: with mirrored faces, and with mirrored faces of which the points
# were moved but kept their names. (That takes some five seconds each.)


# %%
def make_regressor(num_points):
    """Make a network that gives 1 + 2n numbers for a picture of (height, width)."""
    inputs = keras.Input((height, width, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    for filters in (16, 32, 32, 32):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    probability = layers.Dense(1, activation="sigmoid")(x)
    coordinates = layers.Dense(2 * num_points)(x)
    return keras.Model(inputs, layers.Concatenate()([probability, coordinates]))


def fit(model, pictures, truth, loss, rate, epochs, batch_size):
    """Train a network, with a learning rate that falls to 0."""
    steps = epochs * -(-len(pictures) // batch_size)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)), loss)
    model.fit(pictures, truth, batch_size=batch_size, epochs=epochs, verbose=0)


def train_regressor(flipped_corners):
    """Train a network with the pictures and their mirror images, whose corners are given."""
    flipped_targets = targets.copy()
    flipped_targets[has_face, 1:] = (flipped_corners[has_face] / [width, height]).reshape(-1, 8)
    keras.utils.set_random_seed(1)
    model = make_regressor(4)
    pictures = np.concatenate([images[train], images[train, :, ::-1]])
    fit(model, pictures, np.concatenate([targets[train], flipped_targets[train]]), landmark_loss, 3e-3, 8, 32)
    return model


moved_only = np.stack([width - corners[..., 0], corners[..., 1]], axis=-1)
regressors = {"moved and renamed": train_regressor(flipped), "moved only": train_regressor(moved_only)}

test_images, test_corners = images[held_out][has_face[held_out]], corners[held_out][has_face[held_out]]  # with a face
found = {}
for name, model in regressors.items():
    numbers = model.predict(images[held_out], verbose=0)
    right = np.mean((numbers[:, 0] > 0.5) == has_face[held_out])
    found[name] = numbers[has_face[held_out], 1:].reshape(-1, 4, 2) * [width, height]
    print(f"{name:18} right of {right:.1%} of the held-out pictures: is there a face?")

figure, axes = plt.subplots(2, 6, figsize=(14, 5))
for row, (name, predicted) in zip(axes, found.items()):
    for axis, picture, four_corners in zip(row, test_images, predicted):
        show_names(axis, picture, four_corners)
    row[0].set_title(name, fontsize=10)
plt.show()

# %% [markdown]
# Below, the points of both eyes crowd in the middle of the face. The network was told of half of the faces that blue
# is left, and of the other half that blue is right. It cannot know which half a face is of, so it says the mean: the
# squares are smallest there. Nothing in the training complains.
#
# **The idea of a measure.** How far off is that? A distance in pixels says little: 2 pixels are much in a small face
# and nothing in a large one. So distances are divided by a length of the face itself, mostly by the distance of the
# outer corners of the eyes (*inter-ocular*), in the **true** points. Then the mean is taken over all points and faces:
#
# $$\text{NME} = \frac{1}{m} \sum_{i=1}^{m} \frac{1}{n} \sum_{k=1}^{n}
# \frac{\lVert \hat{l}_{ik} - l_{ik} \rVert}{\lVert l_{i,\text{left}} - l_{i,\text{right}} \rVert}$$
#
# Whoever tells such a number has to say what was divided by: by the distance of the pupils, or by the size of a box
# around the face, other numbers come out. (Turned aside, a face has its eyes close together in the picture, and so a
# larger error for the same pixels.)
#
# ### Exercise 4: `normalized_mean_error`
#
# `np.linalg.norm(x, axis=-1)` is the length of all vectors along the last axis.

# %%
# GRADED FUNCTION: normalized_mean_error


def normalized_mean_error(predicted, true, left, right):
    """Measure how far off points are, in distances of two points of the face.

    Args:
        predicted: (m, n, 2), each (x, y) in pixels.
        true: the same.
        left: which of the points is the outer corner of the left eye.
        right: which of them is that of the right eye.

    Returns:
        A number: the mean over all points of all faces.
    """
    ### START CODE HERE
    # How far off each point is (m, n)
    distances = np.linalg.norm(predicted - true, axis=-1)
    #~ distances = None

    # The distance of the true eye corners of each face (m,)
    eye_distances = np.linalg.norm(true[:, left] - true[:, right], axis=-1)
    #~ eye_distances = None

    error = np.mean(distances / eye_distances[:, np.newaxis])
    #~ error = None
    ### END CODE HERE

    return error


# %%
check(normalized_mean_error)


# %%
def errors_of_faces(predicted):
    """Measure each of the held-out faces by itself."""
    return np.array([normalized_mean_error(p[None], t[None], 0, 3) for p, t in zip(predicted, test_corners)])


def show_errors(all_found):
    """Show which share of the faces has at most a given error."""
    _, axis = plt.subplots(figsize=(8, 4.2))
    for name, predicted in all_found.items():
        error = normalized_mean_error(predicted, test_corners, 0, 3)
        share = np.arange(1, len(test_corners) + 1) / len(test_corners)
        axis.plot(np.sort(errors_of_faces(predicted)), share, label=f"{name}: mean {error:.3f}")
    axis.set(xlim=(0, 0.5), ylim=(0, 1), xlabel="error, in distances of the eye corners", ylabel="share of the faces")
    axis.grid(alpha=0.4)
    axis.legend(loc="lower right")
    plt.show()


mean_corners = best_with_mask.reshape(4, 2) * [width, height]
found["the mean corners, always"] = np.broadcast_to(mean_corners, test_corners.shape)
show_errors(found)

# %% [markdown]
# ## 6. A map for each point
#
# **The idea.** The first network is not much better than somebody who always says the mean corners. It has seen too few
# faces for what it has to learn: its dense layers must turn "there is the corner of an eye", at a place of a feature
# map, into two numbers, and know it for every place by itself. A convolution could say it in place: *here*. So let the
# network draw. For each point it gives a **heatmap** that is bright at the point and dark elsewhere. Then convolutions
# are enough, which know an eye wherever it is.
#
# What should such a map look like? A single bright pixel would say that one pixel beside it is as wrong as thirty, and
# could not say "between these two". So a soft spot is drawn, a Gaussian around the point $(x_k, y_k)$:
#
# $$h_k(x, y) = \exp\left(-\frac{(x - x_k)^2 + (y - y_k)^2}{2 s^2}\right)$$
#
# $s$ is the *spread*, in pixels of the map. The top is 1 whatever the spread. (There is no factor in front: a
# probability would have to add up to 1, but this is a picture.)
#
# ### Exercise 5: `encode_heatmaps`
#
# `x` and `y` are the centres of the pixels. Broadcasting does all points at once: with x as (1, width, 1), y as
# (height, 1, 1) and the points' coordinates as (n,), their differences are (1, width, n) and (height, 1, n), and the
# sum of the squares is (height, width, n).

# %%
# GRADED FUNCTION: encode_heatmaps


def encode_heatmaps(points, size, spread):
    """Draw a map for each point, with a soft spot around it.

    Args:
        points: (n, 2), each (x, y) in pixels of the map; they may lie between pixels.
        size: (height, width) of the maps.
        spread: of the Gaussians, in pixels.

    Returns:
        An array (height, width, n), with values up to 1.
    """
    height, width = size
    x = np.arange(width)[np.newaxis, :, np.newaxis] + 0.5
    y = np.arange(height)[:, np.newaxis, np.newaxis] + 0.5
    ### START CODE HERE
    # How far each pixel is from each point, squared
    squares = (x - points[:, 0]) ** 2 + (y - points[:, 1]) ** 2
    #~ squares = None

    maps = np.exp(-squares / (2 * spread**2))
    #~ maps = None
    ### END CODE HERE

    return maps


# %%
check(encode_heatmaps)

# %% [markdown]
# The network's maps will have 32 x 32 pixels, half as many as the picture in each direction. So points are divided by
# 2, and multiplied by 2 again afterwards. It is as simple as that because they are counted from the corner, which is
# the same place in both.

# %%
MAP_SIZE, SPREAD = (32, 32), 1.5


def to_map(image_points):
    """Turn points in pixels of the picture into pixels of the map."""
    return image_points * [MAP_SIZE[1] / width, MAP_SIZE[0] / height]


def to_image(map_points):
    """Turn points in pixels of the map into pixels of the picture."""
    return map_points * [width / MAP_SIZE[1], height / MAP_SIZE[0]]


number = int(np.flatnonzero(has_face)[0])
figure, axes = plt.subplots(1, 4, figsize=(15, 3.9))
show(axes[0], images[number], "the picture")
axes[0].scatter(*corners[number].T, s=10, color="yellow")
for axis, spread in zip(axes[1:], (0.5, 1.0, 2.0)):
    maps = encode_heatmaps(to_map(corners[number]), MAP_SIZE, spread)
    axis.imshow(maps.max(axis=-1), cmap="inferno", vmin=0, vmax=1)
    axis.set_title(f"the four maps in one, spread {spread}", fontsize=10)
plt.show()

# %% [markdown]
# **And back.** The largest value says which pixel is nearest to the point. But a pixel of the map is two pixels of the
# picture: that is coarse for an eye of ten. The values *beside* the largest one tell the rest.
# If the right neighbour is brighter than the left one, the point lies a little to the right.
#
# How much? Look at the figure. The logarithm of a Gaussian is a **parabola**, and three points are enough to know all
# of one. With the logarithms $a$, $b$, $c$ before, at and after the largest value, its top is off by
#
# $$\frac{a - c}{2\,(a - 2b + c)}$$
#
# That is exact, for any spread; and for any height, because a factor on all values only adds a constant to their
# logarithms. (So it helps that a network which is not sure draws a pale spot: it is read as well as a bright one.)

# %%
across, centre = np.arange(9) + 0.5, 4.3
values = np.exp(-((across - centre) ** 2) / 2)
fine = np.linspace(0, 9, 400)
figure, (left, right) = plt.subplots(1, 2, figsize=(13, 3.6))
left.bar(across, values, width=0.9, color="lightgrey")
left.plot(fine, np.exp(-((fine - centre) ** 2) / 2), color="tab:blue")
left.set_title("a row of a map: the pixels (grey), and the Gaussian")
parabola = np.polyfit(across[3:6], np.log(values[3:6]), 2)
right.plot(fine, np.polyval(parabola, fine), color="tab:orange", label="the parabola through three of them")
right.plot(across, np.log(values), "o", color="black", label="logarithms")
right.set(ylim=(-9, 1), title=f"its top is at {-parabola[1] / (2 * parabola[0]):.3f}")
for axis in (left, right):
    axis.axvline(centre, color="red", linestyle=":", label=f"the point, at {centre}")
    axis.legend()
plt.show()

# %% [markdown]
# ### Exercise 6: `decode_heatmaps`
#
# Write two functions in one cell: `shift_of_peak` has the formula above, and `decode_heatmaps` uses it. `logs` are the
# logarithms of all values (0 has none, so the least value is a millionth).
#
# `np.unravel_index(map.argmax(), map.shape)` gives row and column of the largest value: y first. At the edge of a map
# there is no neighbour beyond; in that direction the point stays on its pixel. The loop takes care of it.

# %%
# GRADED FUNCTION: decode_heatmaps


def shift_of_peak(a, b, c):
    """Give how far the top of the parabola through a, b, c, one after another, lies from b."""
    ### START CODE HERE
    return (a - c) / (2 * (a - 2 * b + c))
    #~ return None
    ### END CODE HERE


def decode_heatmaps(maps):
    """Read the points from maps, between pixels too.

    Args:
        maps: (height, width, n).

    Returns:
        An array (n, 2), each (x, y) in pixels of the map.
    """
    height, width, count = maps.shape
    logs = np.log(np.maximum(maps, 1e-6))
    points = np.zeros((count, 2), np.float32)
    for n in range(count):
        ### START CODE HERE
        # Row and column of the largest value
        row, column = np.unravel_index(maps[:, :, n].argmax(), (height, width))
        #~ row, column = None, None
        ### END CODE HERE

        x, y = column + 0.5, row + 0.5  # the centre of this pixel
        if 0 < column < width - 1:
            ### START CODE HERE
            x += shift_of_peak(logs[row, column - 1, n], logs[row, column, n], logs[row, column + 1, n])
            #~ x += 0
            ### END CODE HERE
        if 0 < row < height - 1:
            ### START CODE HERE
            y += shift_of_peak(logs[row - 1, column, n], logs[row, column, n], logs[row + 1, column, n])
            #~ y += 0
            ### END CODE HERE
        points[n] = x, y

    return points


# %%
check(decode_heatmaps)

# %% [markdown]
# **The experiment.** A thousand points at random, drawn as maps and read again, at four spreads. The pixel alone is off
# by nearly 0.4 pixels in the mean, whatever the spread. The parabola through the values, without logarithms, is a good
# guess for a wide spot. (The logarithms of `np.exp(maps)` are the values themselves.)

# %%
random_points = np.random.default_rng(1).uniform(3, 29, (1000, 2)).astype(np.float32)
print("mean error in pixels of the map")
for spread in (0.5, 0.8, 1.0, 2.0):
    maps = encode_heatmaps(random_points, MAP_SIZE, spread)
    decoded, through_values = decode_heatmaps(maps), decode_heatmaps(np.exp(maps))
    pixels = np.floor(decoded) + 0.5
    errors = [np.linalg.norm(p - random_points, axis=-1).mean() for p in (pixels, through_values, decoded)]
    print(f"spread {spread}: the pixel {errors[0]:.3f}, through the values {errors[1]:.3f}, yours {errors[2]:.6f}")

# %% [markdown]
# **The second network** draws. Going down, it sees more and more of the face; going up again, it finds the place, and
# at each size it is shown once more what it saw on the way down, which is sharper. There is no dense layer in it.
#
# The last layer has a sigmoid, and the loss takes each pixel of a map for a probability. (The mean squared error does
# as well, but begins slowly: nearly all of a map is 0, so to say 0 everywhere is already a good answer to it.)
#
# It is trained with faces only. Whether there is one, the first network says. (Some ten seconds.)


# %%
def make_mapper(num_points):
    """Make a network that gives maps of half the size of a picture of (height, width)."""

    def convolution(x, filters, strides=1):
        x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
        return layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))

    inputs = keras.Input((height, width, 3))
    large = convolution(layers.Rescaling(1 / 255)(inputs), 16, strides=2)  # 32 x 32
    middle = convolution(convolution(large, 24, strides=2), 24)  # 16 x 16
    x = convolution(convolution(convolution(middle, 32, strides=2), 32), 32)  # 8 x 8
    for filters, sharper in ((16, middle), (8, large)):
        x = layers.Concatenate()([layers.UpSampling2D(interpolation="bilinear")(x), sharper])
        x = convolution(x, filters)
    dark = keras.initializers.Constant(-4.0)  # nearly all of a map is
    return keras.Model(inputs, layers.Conv2D(num_points, 1, activation="sigmoid", bias_initializer=dark)(x))


faces = np.flatnonzero(has_face[train])
truth = np.concatenate([corners[faces], flipped[faces]])
maps = np.stack([encode_heatmaps(to_map(four_corners), MAP_SIZE, SPREAD) for four_corners in truth])
keras.utils.set_random_seed(1)
mapper = make_mapper(4)
fit(mapper, np.concatenate([images[faces], images[faces, :, ::-1]]), maps, "binary_crossentropy", 6e-3, 5, 16)


def find_corners(drawn_maps):
    """Read the corners of the eyes from maps (m, height, width, 4): (m, 4, 2) in pixels of the picture."""
    return np.stack([to_image(decode_heatmaps(four_maps)) for four_maps in drawn_maps])


drawn_maps = mapper.predict(test_images, verbose=0)
found["maps"] = find_corners(drawn_maps)
figure, axes = plt.subplots(2, 6, figsize=(14, 5))
for k, (above, below) in enumerate(axes.T):
    show_names(above, test_images[k], found["maps"][k])
    below.imshow(drawn_maps[k].max(axis=-1), cmap="inferno", vmin=0, vmax=1)
    below.axis("off")
plt.show()
show_errors(found)

# %% [markdown]
# The same faces, and a far smaller error. Heatmaps have a price: the network must keep its feature maps large, so it
# computes much more for a picture than the first one; and it gives a point for each map, whether there is a face or
# not.

# %% [markdown]
# ## 7. Who blinks?
#
# **The idea.** An eye that is open is high; a closed one is not. But how high it is in pixels depends on how near the
# face is. The *eye aspect ratio* divides by the width of the eye, which a blink does not change:
#
# $$\text{EAR} = \frac{\lVert p_2 - p_6 \rVert + \lVert p_3 - p_5 \rVert}{2 \, \lVert p_1 - p_4 \rVert}$$
#
# That is the mean of two heights by the width. The lengths are those of vectors: in a head that is tilted, a
# difference in y is no height.
#
# (From T. Soukupova and J. Cech, "Real-time eye blink detection using facial landmarks", 2016. They count the points
# from 1, as the figure does; Python counts from 0.)

# %%
example = np.array([[0, 0], [3, -2.2], [7, -2.4], [10, 0], [7, 1.6], [3, 1.5]])
closed = example * [1, 0.15]
figure, axes = plt.subplots(1, 2, figsize=(12, 2.8))
for axis, eye, title in zip(axes, (example, closed), ("open", "closed")):
    axis.plot(*np.concatenate([eye, eye[:1]]).T, "o-", color="black")
    for first, second, colour in ((2, 6, "tab:blue"), (3, 5, "tab:blue"), (1, 4, "tab:red")):
        axis.plot(*eye[[first - 1, second - 1]].T, color=colour, linestyle="--")
    for name, (x, y) in enumerate(eye, 1):
        axis.text(x, y + (0.9 if y > 0 else -0.5), f"p{name}", ha="center")
    axis.set(ylim=(3.5, -4), title=title, aspect="equal")
    axis.axis("off")
plt.show()

# %% [markdown]
# ### Exercise 7: `eye_aspect_ratio`

# %%
# GRADED FUNCTION: eye_aspect_ratio


def eye_aspect_ratio(eye):
    """Say how far eyes are open.

    Args:
        eye: (..., 6, 2): p1 to p6, each (x, y) in pixels, of an eye or of many.

    Returns:
        A number for each eye (...).
    """
    ### START CODE HERE
    # Two heights, and the width
    height1 = np.linalg.norm(eye[..., 1, :] - eye[..., 5, :], axis=-1)
    height2 = np.linalg.norm(eye[..., 2, :] - eye[..., 4, :], axis=-1)
    width = np.linalg.norm(eye[..., 0, :] - eye[..., 3, :], axis=-1)
    #~ height1 = None
    #~ height2 = None
    #~ width = None

    ratio = (height1 + height2) / (2 * width)
    #~ ratio = None
    ### END CODE HERE

    return ratio


# %%
check(eye_aspect_ratio)

# %% [markdown]
# **The film.** `datasets/film.npz` has the frames of somebody who blinks now and then, with all 68 points, and says
# from which frame to which one the eyes are less than half open. A blink is counted where the ratio is below a
# threshold for at least two frames one after another, so a single frame that was read wrongly does not count.


# %%
def count_blinks(ratios, threshold, frames=2):
    """Count how often numbers are below a threshold for at least so many frames one after another."""
    blinks = run = 0
    for ratio in ratios:
        run = run + 1 if ratio < threshold else 0
        blinks += run == frames  # counted once, when it is long enough
    return blinks


def ratios_of(all_points):
    """Give the mean ratio of both eyes for points (m, 68, 2)."""
    return eye_aspect_ratio(all_points[:, 36:48].reshape(-1, 2, 6, 2)).mean(axis=1)


with np.load("datasets/film.npz") as data:
    frames, film_points, blinks = data["images"], data["points"], data["blinks"]
ratios = ratios_of(film_points)
threshold = 0.5 * np.median(ratios)  # half of what is usual for this face: most of the time eyes are open

figure, (film, axis) = plt.subplots(2, 1, figsize=(14, 5.5), height_ratios=(1, 2))
film.imshow(np.concatenate(frames[:16], axis=1))
film.axis("off")
film.set_title("the first frames", fontsize=10)
for first, last in blinks:
    axis.axvspan(first - 0.5, last + 0.5, color="lightgrey")
axis.plot(ratios, color="tab:blue", label="eye aspect ratio")
axis.axhline(threshold, color="tab:red", label="threshold")
axis.set(xlabel="frame; grey: the blinks", ylabel="eye aspect ratio", xlim=(0, len(frames) - 1), ylim=(0, None))
axis.legend()
plt.show()
print(f"blinks: {len(blinks)}, counted: {count_blinks(ratios, threshold)}")

# %% [markdown]
# **The experiment.** These are the true points. How exact do found ones have to be? Here they are moved at random, by
# more and more pixels.

# %%
generator = np.random.default_rng(1)
figure, axis = plt.subplots(figsize=(14, 3))
for off in (0.1, 0.25, 0.5, 1):
    moved = film_points + generator.normal(0, off, film_points.shape)
    error = normalized_mean_error(moved, film_points, 36, 45)
    ratios = ratios_of(moved)
    counted = count_blinks(ratios, 0.5 * np.median(ratios))
    axis.plot(ratios, label=f"moved by {off:4} pixels, error {error:.3f}: {counted} of {len(blinks)} blinks")
axis.set(xlabel="frame", ylabel="eye aspect ratio", xlim=(0, len(frames) - 1), ylim=(0, None))
axis.legend()
plt.show()

# %% [markdown]
# An eye that is a few pixels high needs points that are good to a fraction of a pixel. Whole pixels would not do, and
# an error of 0.05, which is good enough for glasses, is too much: blinks are missed, or counted where there are none.
# Larger pictures help, and so does the mean of a few frames.

# %% [markdown]
# ## 8. Glasses
#
# Where the eyes are, glasses can be. Each glass sits around the middle of an eye, in the direction from one eye to the
# other, so they tilt with the head and grow with the face.


# %%
def wear_glasses(picture, four_corners, scale=6):
    """Draw glasses on an enlarged copy of a picture, where the corners of its eyes say."""
    size = picture.shape[1] * scale, picture.shape[0] * scale
    drawn = Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(drawn, "RGBA")
    left, right = (scale * four_corners.reshape(2, 2, 2)).mean(axis=1)  # the middle of each eye
    along = (right - left) / np.linalg.norm(right - left)
    radius = 0.36 * np.linalg.norm(right - left)
    angles = np.linspace(0, 2 * np.pi, 40)[:, np.newaxis]
    for middle in (left, right):
        rim = middle + radius * (np.cos(angles) * along + 0.8 * np.sin(angles) * [-along[1], along[0]])
        pen.polygon([tuple(point) for point in rim], fill=(20, 20, 40, 90))
        pen.line([tuple(point) for point in rim], fill=(20, 20, 20), width=scale, joint="curve")
    out = radius * along
    for begin, end in ((left + out, right - out), (left - out, left - 1.5 * out), (right + out, right + 1.5 * out)):
        pen.line([tuple(begin), tuple(end)], fill=(20, 20, 20), width=scale)
    return np.asarray(drawn)


figure, axes = plt.subplots(2, 6, figsize=(14, 5))
for axis, picture, four_corners in zip(axes.flat, test_images, found["maps"]):
    show(axis, wear_glasses(picture, four_corners))
plt.show()

# %% [markdown]
# ### Your own face
#
# Put a photograph beside this notebook, cut to a square in which the face is about as large as in the pictures above.
# The network has seen nothing but drawings, so do not expect much of it: photographs of faces have to be learned from
# photographs of faces, and from many of them. What you wrote stays the same.

# %%
my_image = "my_face.png"

my_picture = np.asarray(Image.open(my_image).convert("RGB").resize((width, height), Image.Resampling.LANCZOS))
says = regressors["moved and renamed"](my_picture[np.newaxis])[0, 0]
my_corners = find_corners(mapper(my_picture[np.newaxis]).numpy())[0]
figure, axis = plt.subplots(figsize=(5, 5))
show(axis, wear_glasses(my_picture, my_corners), f"a face, with probability {says:.2f}")
plt.show()

# %% [markdown]
# ## 9. Mistakes, and what they look like
#
# Everyone makes some of these. The checks recognise them; here is how you notice them without a check.
#
# | mistake | what it looks like |
# | --- | --- |
# | x and y swapped | All points are mirrored at the diagonal. In a square picture nothing raises an error. |
# | height and width swapped | Points too far to one side; in a square picture nothing at all. |
# | coordinates in pixels | The loss begins in the thousands, and the probability is never learned. |
# | first all x, then all y | Points in a heap, as soon as others read them as pairs. |
# | points rounded | The error does not fall below a third of a pixel. |
# | the points count without a face | All points are a little too near to the left upper corner. |
# | everything multiplied by p | "A face" for every picture: to say so never costs anything. |
# | squared error for the probability | A sure and wrong network hardly learns any more. |
# | the logarithm of 0 | The loss is nan, some time or other, and so are all weights. |
# | one number for the whole batch | Nothing to see until pictures have weights of their own. |
# | left and right keep their names in a flip | Both eyes in the middle of the face. |
# | `width - 1 - x` in a flip | All points half a pixel too far to the left: one pixel in half of the pictures. |
# | y mirrored, too | Eyes beside the mouth, in half of the pictures. |
# | an error in pixels | Large pictures have large errors. |
# | divided by the predicted eye distance | The error is small for a network that spreads its points too far. |
# | mean distance by mean eye distance | Small faces hardly count. |
# | squares without a root | An error below 1 pixel looks tiny, one above it huge. |
# | the spread not squared | No difference at spread 1; narrower spots than asked for below it, wider ones above. |
# | a spot that adds up to 1 | Maps so dark that a network which says 0 everywhere is nearly right. |
# | the half pixel forgotten in a map, or on the way back | All points off to one side, most in a coarse map. |
# | (width, height) for (height, width) | Spots beside the points, or beyond the edge. |
# | the largest pixel alone | Points jump from pixel to pixel in a film. |
# | the mean of the whole map | Points drawn towards the middle, or between two eyes. |
# | no logarithm | Points a few hundredths of a pixel off: only a measurement shows it. |
# | moved the wrong way | Twice as bad as no shift at all. |
# | the 2 forgotten in the aspect ratio | All eyes are twice as open. |
# | differences of y for distances | Eyes close when the head tilts. |
#
# Not a mistake: the order in which the points are moved and renamed.
#
# ## 10. Grade it
#
# Save the notebook, then run in a terminal, in this folder:
#
# ```
# kcc grade landmarks.ipynb --assignment 05
# ```
#
# It runs the checks above and hidden ones, with other inputs, and says what earned points.
