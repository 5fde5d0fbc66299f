# %% [markdown]
# # Sliding windows
#
# A classifier says *what* is on a picture. The oldest way to make it say *where* is to cut the picture into small
# windows and to ask it about each of them. That is simple, it needs no boxes to learn from, and it is slow: a window
# that moves by two pixels shows nearly the same as before, and everything about it is computed again.
#
# In 2013 a paper named OverFeat showed how to do it in one pass. Written in convolutions alone, the same network, with
# the same weights, answers for all windows at once. From there it is one step to YOLO ("you only look once").
#
# In this notebook you
#
# 1. train the lecture's small network on windows of 14 x 14 pixels,
# 2. list all places at which a window fits: `window_corners`,
# 3. classify a picture crop by crop: `classify_windows`,
# 4. turn dense layers into convolutions: `dense_to_convolution`, `to_fully_convolutional`; then count what that saves,
# 5. go from a cell of the result back to the picture: `cell_to_box`,
# 6. keep one box of the many around each thing: `notes_non_max_suppression`,
# 7. find things of any size.
#
# You need to know what a convolutional network is, and a little NumPy and Keras. Code goes between `### START CODE
# HERE` and `### END CODE HERE` in six cells. After each of them a `check(...)` tells you at once what is right and what
# is not; the inputs it uses are drawn by a generator, so there is no answer to copy. `kcc grade` in a terminal grades
# the whole notebook.
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
from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D
from matplotlib.patches import Rectangle
from PIL import Image, ImageDraw

from keras_cv_course import pairwise_iou
from keras_cv_course.grading import check

# %% [markdown]
# ## 1. Streets, windows, and a network that knows a window
#
# The streets are drawn by the next cell: pedestrians, cars and motorcycles of some 12 pixels, road markings, and spots
# that are nothing. The cell is long because it draws; nothing in it matters later but `draw_street`, which gives a
# picture (height, width, 3) of 0..1 and the things on it.

# %%
CLASS_NAMES = ["pedestrian", "car", "motorcycle", "background"]
BACKGROUND = 3
COLOURS = [(200, 40, 40), (40, 70, 190), (235, 235, 230), (230, 180, 40), (40, 130, 60), (150, 50, 140)]
DARK, GLASS, SKIN, PAINT = (25, 25, 30), (170, 205, 225), (225, 180, 150), (225, 225, 215)
FINE = 6  # a picture is drawn so many times larger, then made smaller


def draw_thing(pen, label, x, y, size, colour):
    """Draw a thing of the class `label` around (x, y)."""

    def at(*points):
        return [(FINE * (x + size * across), FINE * (y + size * down)) for across, down in points]

    def line(points, width, fill):
        pen.line(at(*points), fill=fill, width=int(width * FINE * size))

    wheels = []
    if label == 0:
        line([(-0.4, 1), (-1.4, 6)], 1.2, DARK)
        line([(0.4, 1), (1.4, 6)], 1.2, DARK)
        pen.rounded_rectangle(at((-1.7, -3.2), (1.7, 1.6)), radius=FINE, fill=colour)
        pen.ellipse(at((-1.3, -6), (1.3, -3.4)), fill=SKIN)
    elif label == 1:
        pen.polygon(at((-6, 1), (-4, 0), (-2, -3.5), (3, -3.5), (4.5, 0), (6, 0.5), (6, 3), (-6, 3)), fill=colour)
        pen.polygon(at((-3, -0.2), (-1.6, -2.7), (2.4, -2.7), (3.4, -0.2)), fill=GLASS)
        wheels = [(-3.3, 3, 1.6), (3.3, 3, 1.6)]
    else:
        line([(-3.6, 2.6), (-1, -0.3), (2, -0.3), (3.6, 2.6)], 1.6, colour)
        line([(2, 0), (2.4, -2.2)], 0.8, DARK)
        line([(-0.8, -0.5), (0.4, -3.4), (2.2, -1.8)], 1.5, colour)
        pen.ellipse(at((-0.6, -6), (1.8, -3.6)), fill=DARK)
        wheels = [(-3.6, 2.7, 2), (3.6, 2.7, 2)]
    for across, down, radius in wheels:
        for part, fill in ((radius, DARK), (radius / 2, (150, 150, 150))):
            pen.ellipse(at((across - part, down - part), (across + part, down + part)), fill=fill)


def draw_street(rng, size=(98, 154), count=9, scales=(1.0,)):
    """Draw a street of (height, width) pixels: float32 (height, width, 3) of 0..1, its things (x, y, label, scale)."""
    height, width = size
    street = Image.new("RGB", (FINE * width, FINE * height), tuple(rng.integers(95, 150, 3).tolist()))
    pen = ImageDraw.Draw(street)
    for y in rng.uniform(0, height, 3):
        for x in np.arange(-4, width, 16):
            pen.rectangle([FINE * x, FINE * y, FINE * (x + 8), FINE * (y + 1.2)], fill=PAINT)
    for x, y, radius in rng.uniform((0, 0, 1.5), (width, height, 6), (6, 3)):
        corners = FINE * np.array([x - radius, y - radius, x + radius, y + radius])
        pen.ellipse(corners.tolist(), fill=tuple(rng.integers(60, 190, 3).tolist()))
    things = []
    for _ in range(300):
        scale = rng.choice(scales)
        x, y = rng.uniform(8 * scale, (width - 8 * scale, height - 8 * scale))
        is_free = all(max(abs(x - a), abs(y - b)) > 6.5 * (scale + its) for a, b, _, its in things)
        if len(things) < count and is_free:
            label = int(rng.integers(3))
            draw_thing(pen, label, x, y, scale * rng.uniform(0.92, 1.08), COLOURS[rng.integers(len(COLOURS))])
            things.append((x, y, label, scale))
    pixels = np.asarray(street.reduce(FINE), np.float32) / 255
    return np.clip(pixels + rng.normal(0, 0.02, pixels.shape), 0, 1).astype(np.float32), things


street, things = draw_street(np.random.default_rng(5))
print("a street:", street.shape, "with", len(things), "things")

# %% [markdown]
# To learn from, we cut windows of 14 x 14 pixels out of 200 streets. A window with a thing in its **middle** has the
# thing's class. All others are **background**: a window with half a car at its edge; one with nothing; and one with a
# part of a thing that is too large for it, or with a thing that is much smaller. So the network learns that a thing
# counts only where it is in the middle, and only if it has the right size. Otherwise it would report each car at
# twenty places.

# %%
WINDOW = (14, 14)  # (height, width)


def cut_crops(rng, streets):
    """Cut windows out of streets: float32 (m, 14, 14, 3), and labels (m,)."""
    crops, labels = [], []
    for _ in range(streets):
        image, things = draw_street(rng, scales=(1.0, 1.0, 1.0, 0.67, 1.5, 2.0))
        middles = np.array([(x, y) for x, y, _, _ in things])
        spots = [middles + rng.uniform(-reach, reach, middles.shape) for reach in (1.4, 1.4, 1.4, 4, 4, 9, 9)]
        spots.append(rng.uniform(0, 1, (20, 2)) * (image.shape[1], image.shape[0]))
        for spot in np.concatenate(spots):
            left, top = np.clip(np.round(spot - 7), 0, (image.shape[1] - 14, image.shape[0] - 14)).astype(int)
            off = np.abs(middles - (left + 7, top + 7)).max(axis=1)  # of each thing from the window's middle, in pixels
            _, _, label, scale = things[off.argmin()]
            if scale == 1 and 1.7 < off.min() < 2.2:  # neither the one nor the other
                continue
            crops.append(image[top : top + 14, left : left + 14])
            labels.append(label if scale == 1 and off.min() < 2 else BACKGROUND)
    return np.stack(crops), np.array(labels)


X_train, y_train = cut_crops(np.random.default_rng(0), 200)
X_test, y_test = cut_crops(np.random.default_rng(1), 20)
print("to train with:", X_train.shape, " of each class:", np.bincount(y_train).tolist())

figure, axes = plt.subplots(4, 14, figsize=(14, 4.4))
for label, row in enumerate(axes):
    row[0].set_title(CLASS_NAMES[label], fontsize=10, loc="left")
    for axis, index in zip(row, np.flatnonzero(y_train == label)[::20]):
        axis.imshow(X_train[index])
        axis.axis("off")
plt.show()

# %% [markdown]
# The network is the lecture's:
#
# $$14 \times 14 \times 3 \;\xrightarrow{\text{16 filters } 5 \times 5}\; 10 \times 10 \times 16
# \;\xrightarrow{\text{max-pool 2}}\; 5 \times 5 \times 16 \;\xrightarrow{\text{dense}}\; 400
# \;\xrightarrow{\text{dense}}\; 400 \;\xrightarrow{\text{softmax}}\; 4$$
#
# (That `Flatten` gives 400 numbers too, 5 x 5 x 16, is chance.) It is trained on single windows, as any classifier.

# %%
keras.utils.set_random_seed(0)
network = keras.Sequential(
    [
        keras.Input((*WINDOW, 3)),
        Conv2D(16, 5, activation="relu"),
        MaxPooling2D(2),
        Flatten(),
        Dense(400, activation="relu"),
        Dense(400, activation="relu"),
        Dense(4, activation="softmax"),
    ]
)
network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
network.fit(X_train, y_train, batch_size=128, epochs=5, verbose=0)
print(f"right on windows of other streets: {network.evaluate(X_test, y_test, verbose=0)[1]:.3f}")

# %% [markdown]
# ## 2. Where can a window be?
#
# **The idea.** Begin in the left upper corner. Move the window to the right by `stride` pixels as long as it fits; then
# go down by `stride` pixels, and from the left again. A window with its top at `top` ends at `top + height`. So the
# last top that is allowed is `picture height - window height`, **included**: there the window ends exactly at the edge.
#
# Along one axis there are
#
# $$\left\lfloor \frac{\text{picture} - \text{window}}{\text{stride}} \right\rfloor + 1$$
#
# places. A strip at the right or at the bottom that is narrower than a stride is never seen.
#
# The figure has a window of 4 x 6 pixels on a picture of 9 x 13, with a stride of 3.

# %%
figure, axes = plt.subplots(2, 3, figsize=(12, 5.6))
for axis, (top, left) in zip(axes.flat, [(0, 0), (0, 3), (0, 6), (3, 0), (3, 3), (3, 6)]):
    axis.add_patch(Rectangle((left, top), 6, 4, color="tab:orange", alpha=0.6))
    axis.set(xlim=(0, 13), ylim=(9, 0), xticks=range(14), yticks=range(10), aspect="equal")
    axis.set_title(f"[{top // 3}, {left // 3}] is (top {top}, left {left})", fontsize=10)
    axis.grid(alpha=0.5)
plt.tight_layout()
plt.show()

# %% [markdown]
# ### Exercise 1: `window_corners`
#
# `np.arange(start, end, step)` leaves its end out. `np.meshgrid(tops, lefts, indexing="ij")` gives the tops and the
# lefts of all pairs, each (rows, columns); `np.stack([...], axis=-1)` joins them.

# %%
# GRADED FUNCTION: window_corners


def window_corners(image_size, window, stride):
    """List every place at which a window fits.

    Args:
        image_size: (height, width) of the picture in pixels.
        window: (height, width) of the window.
        stride: pixels from one window to the next, downwards and to the right.

    Returns:
        Whole numbers (rows, columns, 2): (top, left) of the window in each row and column.
    """
    height, width = image_size
    ### START CODE HERE
    # All tops, and all lefts
    tops = np.arange(0, height - window[0] + 1, stride)
    lefts = np.arange(0, width - window[1] + 1, stride)
    #~ tops = None
    #~ lefts = None

    # All pairs
    corners = np.stack(np.meshgrid(tops, lefts, indexing="ij"), axis=-1)
    #~ corners = None
    ### END CODE HERE

    return corners


# %%
check(window_corners)

# %% [markdown]
# **The experiment.** How many windows does the street have? Half the stride gives four times as many windows. A stride
# of 1 misses nothing and asks about nearly every pixel; with a large one, a thing may lie between two windows, in the
# middle of neither.

# %%
figure, axes = plt.subplots(1, 4, figsize=(17, 3))
for axis, stride in zip(axes, (1, 2, 7, 14)):
    corners = window_corners(street.shape[:2], WINDOW, stride)
    axis.imshow(street)
    axis.plot(corners[..., 1] + 6.5, corners[..., 0] + 6.5, "w.", markersize=1)
    axis.set_title(f"stride {stride}: {corners.shape[0]} x {corners.shape[1]} = {corners[..., 0].size}", fontsize=10)
    axis.axis("off")
plt.show()

# %% [markdown]
# ## 3. Crop by crop
#
# **The idea.** Cut each window out, `image[top : top + height, left : left + width]`, and give all of them to the
# classifier as one batch. It gives a row of probabilities for each crop. Put back into rows and columns, that is a
# **map**: at [row, column] stands what is in the window of this row and column.
#
# The classifier is an argument: a function from crops (n, height, width, channels) to probabilities (n, classes). So
# the algorithm does not care what it is.
#
# ### Exercise 2: `classify_windows`
#
# Use your `window_corners`. `corners.reshape(-1, 2)` is the list of its windows, row by row; `np.stack` makes a batch
# of a list of crops.

# %%
# GRADED FUNCTION: classify_windows


def classify_windows(image, classify, window, stride):
    """Classify every window of a picture.

    Args:
        image: (height, width, channels).
        classify: a function from crops (n, height, width, channels) to probabilities (n, classes).
        window: (height, width) of the window.
        stride: pixels from one window to the next.

    Returns:
        A NumPy array (rows, columns, classes): the probabilities for the window in each row and column.
    """
    corners = window_corners(image.shape[:2], window, stride)
    ### START CODE HERE
    # The crops, one after the other
    crops = np.stack([image[top : top + window[0], left : left + window[1]] for top, left in corners.reshape(-1, 2)])
    #~ crops = None

    # Their probabilities
    probabilities = np.asarray(classify(crops))
    #~ probabilities = None

    # In rows and columns again
    probability_map = probabilities.reshape(*corners.shape[:2], -1)
    #~ probability_map = None
    ### END CODE HERE

    return probability_map


# %%
check(classify_windows)


# %% [markdown]
# On the street: the probability of each class at each place of the window. Every thing lights up where a window has it
# in its middle, and only there.

# %%
def classify(crops):
    """Let the network classify crops."""
    return network.predict(crops, batch_size=512, verbose=0)


def show_maps(image, probability_map, stride):
    """Show the map of each class over the picture: each cell at the middle of its window."""
    rows, columns = probability_map.shape[:2]
    left, top = WINDOW[1] / 2 - stride / 2, WINDOW[0] / 2 - stride / 2
    extent = (left - 0.5, left + columns * stride - 0.5, top + rows * stride - 0.5, top - 0.5)
    _, axes = plt.subplots(1, 4, figsize=(17, 3))
    for axis, name, values in zip(axes, CLASS_NAMES, np.moveaxis(probability_map, -1, 0)):
        axis.imshow(image)
        axis.imshow(values, extent=extent, cmap="inferno", vmin=0, vmax=1, alpha=0.7)
        axis.set(title=name, xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
        axis.axis("off")
    plt.show()


started = time.perf_counter()
crop_map = classify_windows(street, classify, WINDOW, stride=2)
seconds_of_crops = time.perf_counter() - started
print(f"map {crop_map.shape}: {crop_map[..., 0].size} windows in {seconds_of_crops:.2f} s")
show_maps(street, crop_map, stride=2)

# %% [markdown]
# **The experiment.** Let the stride grow. With 7 pixels most things lie in the middle of no window, and the network
# says what it learned to say of half a car: background.

# %%
for stride in (2, 4, 7):
    some = classify_windows(street, classify, WINDOW, stride)
    likely = np.sum(some[..., :BACKGROUND] > 0.6)
    print(f"stride {stride}: {some[..., 0].size:5} windows, {likely:3} of them with a thing")

# %% [markdown]
# ## 4. All windows at once
#
# **How much is computed again and again?** At a stride of 2 every pixel in the middle of the street is in 49 windows.
# In each of them the same 5 x 5 filters go over it, with the same results.

# %%
seen = np.zeros(street.shape[:2], int)
for top, left in window_corners(street.shape[:2], WINDOW, 2).reshape(-1, 2):
    seen[top : top + 14, left : left + 14] += 1

figure, axis = plt.subplots(figsize=(6, 3.4))
figure.colorbar(axis.imshow(seen, cmap="viridis"), ax=axis)
axis.set_title(f"in how many windows a pixel is: {seen.max()} at most", fontsize=10)
plt.show()

# %% [markdown]
# A convolution does not care how large a picture is. Let it run over the whole street, once, and what it would give for
# a window is a part of what it gives for the street. Pooling is the same. So the first half of the network needs no
# windows at all. What stops us is the second half: a dense layer takes a list of 400 numbers, and no more.
#
# **The idea.** A unit of the first dense layer multiplies each of the 5 x 5 x 16 numbers of the map by a weight, and
# adds up. That is exactly what a filter of 5 x 5 x 16 does where it lies on the map: there is one place for it, and
# one number comes out. So **a dense layer on a map is a convolution as large as the map**, with one filter for each
# unit. The dense layers after it see a map of 1 x 1 places: they are convolutions of 1 x 1.
#
# On a larger map the filter has more places to lie on, and each of them is another window.
#
# **The order.** `Flatten` writes the map row by row; within a row place by place; and for each place all its channels.
# So the weights of a dense layer, (5 * 5 * 16, units), are in the order (height, width, channels). Keras wants the
# kernel of a convolution as (height, width, channels, filters).

# %%
tiny = np.arange(2 * 3 * 2).reshape(1, 2, 3, 2)  # a map of 2 rows, 3 columns, 2 channels
flat = Flatten()(tiny).numpy()[0]
print("channel 0:\n", tiny[0, :, :, 0], "\nchannel 1:\n", tiny[0, :, :, 1], "\nflat:", flat)

# %% [markdown]
# ### Exercise 3: `dense_to_convolution`
#
# One line is enough. What can go wrong is the order of the axes: a wrong one gives a kernel of the right shape, and no
# error.

# %%
# GRADED FUNCTION: dense_to_convolution


def dense_to_convolution(weights, map_shape):
    """Turn the weights of a dense layer on a flattened map into the kernel of a convolution that does the same.

    Args:
        weights: (height * width * channels, units).
        map_shape: (height, width, channels) of the map that is flattened.

    Returns:
        (height, width, channels, units).
    """
    height, width, channels = map_shape
    ### START CODE HERE
    kernel = np.reshape(weights, (height, width, channels, -1))
    #~ kernel = None
    ### END CODE HERE

    return kernel


# %%
check(dense_to_convolution)

# %% [markdown]
# On a map of the trained network: the dense layer and your convolution give the same 400 numbers.

# %%
weights, bias = network.layers[3].get_weights()
kernel = dense_to_convolution(weights, (5, 5, 16))
features = keras.Sequential(network.layers[:2])(X_test[:1])  # (1, 5, 5, 16)
by_dense = network.layers[3](Flatten()(features))
by_convolution = tf.nn.relu(tf.nn.conv2d(features, kernel, strides=1, padding="VALID") + bias)
print("dense", tuple(by_dense.shape), " convolution", tuple(by_convolution.shape))
print("largest difference:", np.abs(by_dense - tf.reshape(by_convolution, (1, -1))).max())

# %% [markdown]
# ### Exercise 4: `to_fully_convolutional`
#
# Go through the layers of a network like the lecture's, and build a second one for pictures of any size:
#
# | layer | what becomes of it |
# | --- | --- |
# | convolution, pooling | stays: call the layer itself |
# | `Flatten` | nothing; but remember the map that it flattens, `map_shape` |
# | `Dense` | a convolution with as many filters as the layer has units, as large as the map, with the same activation |
#
# After the first dense layer the map has 1 x 1 places. A layer's weights can be set once it has been called:
# `layer.set_weights([kernel, bias])`.
#
# The padding is `"valid"`, Keras's default: the filter may only lie where the whole window is.

# %%
# GRADED FUNCTION: to_fully_convolutional


def to_fully_convolutional(network):
    """Build a network of convolutions that gives, for each window of a picture, what `network` says of it.

    Args:
        network: a `keras.Sequential` of Conv2D, MaxPooling2D, Flatten and, after that, Dense layers.

    Returns:
        A Keras model from pictures (m, height, width, channels) of any size to probabilities (m, rows, columns,
        classes).
    """
    x = inputs = keras.Input((None, None, network.input_shape[-1]))
    map_shape = None
    for layer in network.layers:
        if isinstance(layer, Flatten):
            map_shape = layer.input.shape[1:]
        elif isinstance(layer, Dense):
            weights, bias = layer.get_weights()
            ### START CODE HERE
            # A convolution as large as the map, with the activation of the dense layer
            convolution = Conv2D(layer.units, map_shape[:2], activation=layer.activation)
            #~ convolution = None

            # What it gives for x
            x = convolution(x)
            #~ x = None

            # The weights of the dense layer
            convolution.set_weights([dense_to_convolution(weights, map_shape), bias])

            # (height, width, channels) of the map that the next dense layer would see
            map_shape = (1, 1, layer.units)
            #~ map_shape = None
            ### END CODE HERE
        else:
            x = layer(x)
    return keras.Model(inputs, x)


# %%
check(to_fully_convolutional)

# %% [markdown]
# The lecture's numbers. A picture of 16 x 16 has 2 x 2 windows at a stride of 2, and the output is 2 x 2 x 4. Each of
# the 400 x 400 weights of the middle layer is used at four places now.

# %%
sliding = to_fully_convolutional(network)
for size in (14, 16, 28):
    print(f"{size} x {size} x 3 ->", tuple(sliding(street[np.newaxis, :size, :size]).shape[1:]))

started = time.perf_counter()
whole_map = sliding.predict(street[np.newaxis], verbose=0)[0]
seconds_at_once = time.perf_counter() - started
print(f"the street: {whole_map.shape}; largest difference from crop by crop: {np.abs(whole_map - crop_map).max():.1e}")
print(f"crop by crop {seconds_of_crops:.2f} s, at once {seconds_at_once:.2f} s (with what Keras does at a first call)")

# %% [markdown]
# The same map, from one pass: no window was cut out. Where does the stride of 2 come from? From the pooling. Each
# step on the map after it is a step of two pixels on the picture. Nobody chose it, and nobody can make it finer.
#
# **The experiment.** Seconds depend on the machine, so let us count multiplications. Each layer does, for each place of
# its output, as many as its kernel has numbers.


# %%
def multiplications(model, size):
    """Count the multiplications of each layer for a picture of (height, width): (layer's name, count)."""
    shape, counts = (1, *size, 3), []
    for layer in model.layers:
        shape = layer.compute_output_shape(shape)
        if layer.weights:
            counts.append((layer.name, int(np.prod(shape[1:-1])) * int(np.prod(layer.kernel.shape))))
    return counts


def compare_work(network):
    """Print what each layer does crop by crop and at once, for the street, in millions."""
    windows = int(np.prod(to_fully_convolutional(network).compute_output_shape((1, *street.shape))[1:3]))
    at_once = multiplications(keras.Sequential(to_fully_convolutional(network).layers[1:]), street.shape[:2])
    total = np.zeros(2)
    for (name, of_crop), (_, of_street) in zip(multiplications(network, WINDOW), at_once):
        total += (of_crop * windows, of_street)
        print(f"  {name:12} crop by crop {of_crop * windows / 1e6:8.1f}   at once {of_street / 1e6:8.1f}")
    crops, once = total / 1e6
    print(f"  {'all':12} crop by crop {crops:8.1f}   at once {once:8.1f}: {crops / once:.1f} times less")


print("the lecture's network:")
compare_work(network)

another = keras.Sequential(
    [
        keras.Input((*WINDOW, 3)),
        Conv2D(32, 3, activation="relu"),
        Conv2D(32, 3, activation="relu"),
        MaxPooling2D(2),
        Flatten(),
        Dense(64, activation="relu"),
        Dense(4, activation="softmax"),
    ]
)
print("a network with more convolutions:")
compare_work(another)

# %% [markdown]
# The convolution is done some twenty times less often. The dense layers are not shared at all: every window has a map
# of its own, and 400 numbers of its own. In the lecture's network they are most of the work, so that on the whole
# little is won. In the second one, as in every large network, nearly all the work is in the convolutions: there it
# pays, and the more the windows overlap, the more.
#
# ## 5. Back to the picture
#
# **The idea.** A cell of the map is a window. Which one? A step from cell to cell is, in pixels, the **product of all
# strides**: after a pooling by 2 and a convolution with a stride of 3, a step is 6 pixels. Row $r$ and column $c$ are
# then the window whose left upper corner is $y_1 = r \cdot s$, $x_1 = c \cdot s$. Its size is that of the pictures
# that the network was made for, whatever the stride.
#
# Rows count downwards, as y does; columns to the right, as x. And a box is (x1, y1, x2, y2): x comes first.
#
# ### Exercise 5: `cell_to_box`

# %%
# GRADED FUNCTION: cell_to_box


def cell_to_box(row, column, window, strides):
    """Give the box on the picture that a cell of the map stands for.

    Args:
        row: of the cell.
        column: of the cell.
        window: (height, width) of the pictures that the network was made for.
        strides: of all its layers, a list of whole numbers.

    Returns:
        (x1, y1, x2, y2) in pixels: the left upper corner and the right lower one.
    """
    ### START CODE HERE
    # Pixels from one cell to the next
    step = np.prod(strides)
    #~ step = None

    # The left upper corner
    x1, y1 = column * step, row * step
    #~ x1, y1 = None, None

    # The right lower corner
    x2, y2 = x1 + window[1], y1 + window[0]
    #~ x2, y2 = None, None
    ### END CODE HERE

    return x1, y1, x2, y2


# %%
check(cell_to_box)

# %% [markdown]
# All cells with a thing of more than 0.6. The strides are read from the layers.

# %%
strides = [layer.strides[0] for layer in sliding.layers if hasattr(layer, "strides")]
print("strides:", strides)


def find_boxes(image, threshold=0.0):
    """Give the scores (n,), boxes (n, 4) and classes (n,) of all cells whose best thing has more than a threshold."""
    probabilities = sliding(image[np.newaxis]).numpy()[0, ..., :BACKGROUND]  # (rows, columns, things)
    rows, columns = np.nonzero(probabilities.max(axis=-1) > threshold)
    boxes = [cell_to_box(row, column, WINDOW, strides) for row, column in zip(rows, columns)]
    likely = probabilities[rows, columns]
    return likely.max(axis=-1), np.array(boxes, float).reshape(-1, 4), likely.argmax(axis=-1)


def show_boxes(axis, image, boxes, classes, title=""):
    """Show a picture and boxes (x1, y1, x2, y2) in the colours of their classes."""
    axis.imshow(image)
    for (x1, y1, x2, y2), label in zip(boxes, classes):
        axis.add_patch(Rectangle((x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, fill=False, color=f"C{label}", linewidth=1.5))
    axis.set_title(title, fontsize=10)
    axis.axis("off")


scores, boxes, classes = find_boxes(street, 0.6)
_, axis = plt.subplots(figsize=(10, 6.4))
show_boxes(axis, street, boxes, classes, f"{len(boxes)} boxes for {len(things)} things")
plt.show()

# %% [markdown]
# ## 6. One box for each thing
#
# **The idea.** The windows beside the best one show the thing in their middle, too, or nearly. *Non-max suppression* as
# the lecture notes have it:
#
# > For every class, with the boxes of this class alone:
# >
# > 1. drop all boxes with $p_c \leq 0.6$;
# > 2. while boxes are left: the one with the largest $p_c$ stays; drop all others whose IoU with it is $\geq 0.5$.
#
# The rule is greedy. A box that was dropped has no say any more: it does not drop others. In the figure, neighbours
# are a third of a width apart, and have an IoU of exactly 1/2. B is best and drops A and C. D overlaps with C by 1/2
# as well; but C is gone, so D stays.

# %%
lefts, heights = np.array([0, 1, 2, 3]), [0.8, 0.9, 0.7, 0.65]
row_of_boxes = np.stack([lefts, 0 * lefts, lefts + 3, 0 * lefts + 2], axis=-1)
print("IoU of each with each:\n", pairwise_iou(row_of_boxes.astype(float), row_of_boxes.astype(float)).round(3))

figure, axes = plt.subplots(1, 2, figsize=(11, 2.8))
for axis, title, shown in zip(axes, ("before", "after"), ([0, 1, 2, 3], [1, 3])):
    for number in shown:
        x1, y1, x2, y2 = row_of_boxes[number] + 0.04 * number
        axis.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color=f"C{number}", linewidth=2))
        axis.text(x1 + 0.1, 0.5 + 0.4 * number, f"{'ABCD'[number]} {heights[number]}", color=f"C{number}")
    axis.set(xlim=(-0.3, 6.5), ylim=(2.4, -0.2), title=title, xticks=[], yticks=[])
plt.show()

# %% [markdown]
# (Other implementations, TensorFlow's `tf.image.non_max_suppression` for instance, drop a box whose IoU is **more**
# than the threshold. Here it is **at least**, as in the notes. Windows on a grid make such ties: you just saw three.)
#
# ### Exercise 6: `notes_non_max_suppression`
#
# The loops are there. `left` holds the places, among all boxes, of this class's boxes that are left.
# `pairwise_iou(a, b)` of boxes (n, 4) and (m, 4) gives (n, m); `boxes[[best]]` is an array of one box. Compare with the
# thresholds as the rule says. The best box's IoU with itself is 1, so it leaves the list with those that it drops.

# %%
# GRADED FUNCTION: notes_non_max_suppression


def notes_non_max_suppression(scores, boxes, classes, score_threshold=0.6, iou_threshold=0.5):
    """Keep, class by class, the best boxes and of those that overlap only the best.

    Args:
        scores: (n,), p_c of each box.
        boxes: (n, 4), each (x1, y1, x2, y2).
        classes: (n,), whole numbers.
        score_threshold: a box goes if its score is at most this.
        iou_threshold: a box goes if its IoU with a better one of its class that stays is at least this.

    Returns:
        The places of the boxes that stay, whole numbers (k,), by falling score.
    """
    kept = []
    for label in np.unique(classes):
        ### START CODE HERE
        # Places of the boxes of this class that are likely enough
        left = np.flatnonzero((classes == label) & (scores > score_threshold))
        #~ left = []
        ### END CODE HERE
        while len(left):
            ### START CODE HERE
            # The place of the best of them
            best = left[np.argmax(scores[left])]
            #~ best = None

            # Those that it does not drop
            overlaps = pairwise_iou(boxes[[best]], boxes[left])[0]
            left = left[overlaps < iou_threshold]
            #~ left = []
            ### END CODE HERE
            kept.append(best)

    ### START CODE HERE
    # By falling score
    kept = np.array(kept, int)
    kept = kept[np.argsort(-scores[kept])]
    #~ kept = None
    ### END CODE HERE

    return kept


# %%
check(notes_non_max_suppression)

# %% [markdown]
# On the street: before, and after.

# %%
kept = notes_non_max_suppression(scores, boxes, classes)
figure, axes = plt.subplots(1, 2, figsize=(15, 5))
show_boxes(axes[0], street, boxes, classes, f"before: {len(boxes)} boxes")
show_boxes(axes[1], street, boxes[kept], classes[kept], f"after: {len(kept)} boxes for {len(things)} things")
plt.show()

# %% [markdown]
# Step by step, for the first six boxes that stay, the best first: the box, and those of its class that it dropped
# (thin).

# %%
figure, axes = plt.subplots(1, 6, figsize=(17, 3.2))
for axis, place in zip(axes, kept):
    overlap = pairwise_iou(boxes[[place]], boxes)[0]
    dropped = (overlap >= 0.5) & (classes == classes[place]) & (overlap < 1)
    show_boxes(axis, street, boxes[[place]], classes[[place]])
    for x1, y1, x2, y2 in boxes[dropped]:
        axis.add_patch(Rectangle((x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, fill=False, color="white", linewidth=0.6))
    x, y = boxes[place, :2]
    axis.set(xlim=(x - 12, x + 26), ylim=(y + 26, y - 12))
    axis.set_title(f"{CLASS_NAMES[classes[place]]} {scores[place]:.3f}\n{dropped.sum()} dropped", fontsize=9)
plt.show()

# %% [markdown]
# **How good is it?** Twenty new streets. A thing is found if a box of its class stays whose middle is less than 4
# pixels away. All that stays besides is a false alarm. (Change the thresholds, and see both numbers move.)


# %%
def count_found(images, score_threshold=0.6, iou_threshold=0.5):
    """Count things that are there, things that are found, and boxes that stay."""
    there = found = stay = 0
    for image, its_things in images:
        scores, boxes, classes = find_boxes(image)
        kept = notes_non_max_suppression(scores, boxes, classes, score_threshold, iou_threshold)
        middles = (boxes[kept, :2] + boxes[kept, 2:]) / 2
        for x, y, label, _ in its_things:
            is_near = np.abs(middles - (x, y)).max(axis=1, initial=0) < 4
            found += bool((is_near & (classes[kept] == label)).any())
        there += len(its_things)
        stay += len(kept)
    return there, found, stay


new_streets = [draw_street(np.random.default_rng(100 + number)) for number in range(20)]
for score_threshold in (0.3, 0.6, 0.9, 0.99):
    there, found, stay = count_found(new_streets, score_threshold)
    print(f"score_threshold {score_threshold}: {found} of {there} things found, {stay - found} boxes too many")

# %% [markdown]
# ## 7. Things of any size
#
# The window has 14 pixels, and so has what it knows. A car that is twice as near is twice as large: no window shows
# it whole. A larger window would need another network. It is simpler to make the **picture** smaller: a car of 24
# pixels becomes one of 12, and the boxes that are found are multiplied by 2 again. Several such pictures are an
# *image pyramid*. Their boxes are put together, and one suppression decides between all of them.


# %%
def find_at_scales(image, factors):
    """Find things on a picture and on smaller ones; boxes in pixels of the picture itself."""
    parts = []
    for factor in factors:
        size = np.round(np.array(image.shape[:2]) / factor).astype(int)
        smaller = tf.image.resize(image, size, antialias=True).numpy()
        scores, boxes, classes = find_boxes(smaller, 0.6)
        parts.append((scores, boxes * factor, classes))
    scores, boxes, classes = (np.concatenate(part) for part in zip(*parts))
    kept = notes_non_max_suppression(scores, boxes, classes)
    return boxes[kept], classes[kept]


large, its_things = draw_street(np.random.default_rng(8), (140, 220), 10, scales=(1.0, 1.5, 2.0))
figure, axes = plt.subplots(1, 2, figsize=(16, 5.4))
for axis, factors in zip(axes, ([1.0], [1.0, 1.5, 2.0])):
    found_boxes, found_classes = find_at_scales(large, factors)
    show_boxes(axis, large, found_boxes, found_classes, f"factors {factors}: {len(found_boxes)} boxes")
plt.show()

# %% [markdown]
# What remains? The boxes are squares, and they lie on a grid: a pedestrian gets the box of a car. The lecture adds four
# more outputs to each cell, which say where in the window the thing is and how large: that is the way to YOLO, and to
# assignment 03.
#
# ## 8. Mistakes, and what they look like
#
# Everyone makes some of these. The checks recognise them; here is how you notice them without a check.
#
# | mistake | what it looks like |
# | --- | --- |
# | the last window missing | The map has a row and a column less than the network's. |
# | windows beyond the edge | Crops of different sizes; `np.stack` complains. |
# | (left, top) for (top, left) | Windows below the picture, where it is wider than high. |
# | the stride not used | Far more windows than the formula says. |
# | the map reshaped to (columns, rows) | Stripes: things are smeared over the map. |
# | rows and columns of the map swapped | The map is mirrored at its diagonal. |
# | weights reshaped with the channels first | No error; the probabilities are nonsense. |
# | height and width swapped in the kernel | No error on a square map; nonsense again. |
# | a dense layer after `Flatten` as 1x1 | Keras cannot set the weights: (1, 1, 16, 400) is not (5, 5, 16, 400). |
# | padding `"same"` | The map has 5 x 5 cells where one is right. |
# | the biases forgotten | A map much like the right one, with other numbers. |
# | the softmax forgotten | Probabilities above 1 and below 0. |
# | the softmax over rows or columns | All 1 for a single window. |
# | the input of a fixed size | An error for each picture of another size. |
# | the strides not multiplied | All boxes are in the left upper part of the picture. |
# | row and column swapped | A row of cars becomes a column. |
# | the box as large as the step | Boxes of 2 x 2 pixels. |
# | `>` for `>=` in the overlap | On a grid of windows there are ties: too many boxes. |
# | suppression of all classes at once | The pedestrian in front of a car is gone. |
# | only the best of each class | One car on the whole street. |
# | dropped boxes drop others | In a row of cars some are missing. |
# | the best box stays among those that are left | The loop never ends: interrupt the kernel. |
# | the places within a class given | Boxes of other classes come back. |
#
# Not a mistake: dropping the low scores **after** the suppression. A box never drops a better one, so it makes no
# difference to those that stay; it only takes longer.
#
# ## 9. Grade it
#
# Save the notebook, then run in a terminal, in this folder:
#
# ```
# kcc grade sliding_windows.ipynb --assignment 06
# ```
#
# It runs the checks above and hidden ones, with other inputs, and says what earned points.
