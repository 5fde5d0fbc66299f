# %% [markdown]
# # Transfer learning
#
# A network that was trained on a million photographs has learned a lot that has nothing to do with their thousand
# classes: edges, textures, shapes, parts of things. *Transfer learning* takes all of that over and trains only what
# is new. So a few dozen pictures are enough, where a network that begins with nothing would need thousands; and
# minutes are enough instead of days.
#
# In this notebook you
#
# 1. look at a small set of pictures: yours, if you like,
# 2. measure what a network that learned something else already knows about them,
# 3. make more pictures out of few: `data_augmenter`,
# 4. put a new unit on a frozen network, and train it: `alpaca_model`,
# 5. train the last layers of the old network too: `fine_tune`,
# 6. measure how much of a network to train for how many pictures,
# 7. let your model judge a picture of your own.
#
# You need to know what a convolutional network is, and a little NumPy and Keras. Code goes between `### START CODE
# HERE` and `### END CODE HERE` in three cells. After each of them a `check(...)` tells you at once what is right and
# what is not; the inputs it uses are drawn by a generator, so there is no answer to copy. `kcc grade` in a terminal
# grades the whole notebook.
#
# (While the next cell runs, TensorFlow writes a few red lines about your machine. They are notes, not errors.)

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # TensorFlow's log: what is wrong comes as an exception anyway

import socket
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
import tensorflow.keras.layers as tfl
from tensorflow.keras.layers import RandomFlip, RandomRotation

import keras_cv_course as kcc
from keras_cv_course.grading import check

# %% [markdown]
# ## 1. The pictures
#
# `pictures/` has one folder for each of two classes: open hands, and hands that show something else, 80 pictures
# each. They are **drawn**, so that nothing has to be downloaded.
#
# **Any other pictures do as well.** Delete the two folders and put two of your own there, named as you like: `alpaca`
# and `not_alpaca`, `my_cat` and `other_cats`. A folder with some 30 photographs is enough. Everything below then
# works on them.
#
# (Photographs of other things want the base of part 4, which has to be downloaded: those that come with the package
# know hands and drawn roads, and hardly help with alpacas.)
#
# A quarter of each class is held out: no training sees it, so it shows what was learned and not what was remembered.

# %%
files = kcc.find_images("pictures")
class_names = list(files.class_names)
if len(class_names) != 2:
    raise ValueError(f"Expected two folders in pictures/, one for each class. Received: {', '.join(class_names)}.")
train_files, test_files = files.split(0.25, seed=0)
print(f"label 0: {class_names[0]}   label 1: {class_names[1]}")
print(f"{len(train_files)} pictures to train with, {len(test_files)} held out")


def read(some_files, size):
    """Read pictures at a size (height, width): float32 (m, height, width, 3) of 0..255, and labels 0 and 1 (m,)."""
    data = kcc.read_images(some_files, size).data
    return data.images.astype("float32"), data.labels


IMG_SIZE = (160, 160)
X_show, y_show = read(test_files, IMG_SIZE)
order = np.random.default_rng(0).permutation(len(X_show))[:14]
figure, axes = plt.subplots(2, 7, figsize=(13, 4.2))
for axis, index in zip(axes.flat, order):
    axis.imshow(X_show[index] / 255)
    axis.set_title(class_names[y_show[index]].replace("_", " "), fontsize=9)
    axis.axis("off")
plt.show()

# %% [markdown]
# ## 2. What is carried over
#
# **The idea.** Cut the last layer off a trained network. What is left, the *base*, turns a picture into a map of
# *features*; their means over the map are a few hundred numbers that describe the picture. If these numbers say what
# we want to know, one single layer on top of them is enough, and that one is quickly trained.
#
# Do they say it, though? The base was trained for something else. Let us ask three of them:
#
# | base | trained to | far from our pictures? |
# | --- | --- | --- |
# | `hands` | read six hand signs, the open hand among them | no: a lucky case |
# | `roads` | find cars and people on drawn roads | very: it has never seen a hand |
# | `random` | nothing: the layers of `roads` with random weights | |
#
# The first two come with the package. (The base that everyone takes for photographs, trained on ImageNet, comes in
# part 4; it has to be downloaded.) All three see the pictures at 64 x 64 pixels.

# %%
SMALL = (64, 64)


def copy_of(network, *, with_weights=True):
    """Copy a network, for pictures of 64 x 64 pixels; without its weights those of the copy are random."""
    copy = keras.models.clone_model(network, input_tensors=keras.Input((*SMALL, 3)))
    if with_weights:
        copy.set_weights(network.get_weights())
    return copy


keras.utils.set_random_seed(0)
detector = kcc.open_detector("road-yolov2").model
first_layers = keras.Model(detector.input, detector.get_layer("conv13_leaky").output, name="roads")
roads, untrained = copy_of(first_layers), copy_of(first_layers, with_weights=False)
hands = kcc.load_backbone("signs-resnet50", SMALL).network

X_small, y_train = read(train_files, SMALL)
X_small_test, y_test = read(test_files, SMALL)


def features_of(base, pictures):
    """Give the mean of each channel of the base's map: (m, channels)."""
    return base.predict(pictures, verbose=0).mean(axis=(1, 2))


features = {}
for name, base in {"hands": hands, "roads": roads, "random": untrained}.items():
    started = time.time()
    features[name] = features_of(base, X_small / 255), features_of(base, X_small_test / 255)
    print(f"{name:7} {features[name][0].shape[1]:5} numbers for each picture, {time.time() - started:.1f} s")

# %% [markdown]
# **Once is enough.** A frozen base gives the same features for the same picture, today and in every epoch. So they
# are computed once, and all that follows works on a small table of numbers. That is the fastest kind of transfer
# learning.
#
# **The experiment.** One unit is trained on the features of 4, 8, 16 ... pictures of each class, drawn five times.
# How many of the held-out pictures does it judge rightly? Guess before you look: does the road network help with
# hands?


# %%
def train_one_unit(x, y, steps=100):
    """Train weights of standardized features by gradient descent; give a function from features to logits."""
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-3
    w, b = np.zeros(x.shape[1]), 0.0
    for _ in range(steps):
        error = 1 / (1 + np.exp(-((x - mean) / deviation @ w + b))) - y
        w -= 0.1 * ((x - mean).T @ error / deviation / len(y) + 0.01 * w)
        b -= 0.1 * error.mean()
    return lambda x: (x - mean) / deviation @ w + b


def accuracy_with(x, y, x_test, number, seed):
    """Train with so many pictures of each class; give the share of the test pictures that are judged rightly."""
    draw = np.random.default_rng(seed)
    chosen = np.concatenate([draw.permutation(np.flatnonzero(y == label))[:number] for label in (0, 1)])
    logit = train_one_unit(x[chosen], y[chosen])
    return np.mean((logit(x_test) > 0) == y_test)


smallest_class = np.bincount(y_train).min()
numbers = [number for number in (2, 4, 8, 16, 32) if number < smallest_class] + [smallest_class]
figure, axis = plt.subplots(figsize=(7.5, 4))
for name, colour in {"hands": "tab:green", "roads": "tab:blue", "random": "grey"}.items():
    x, x_test = features[name]
    results = np.array([[accuracy_with(x, y_train, x_test, n, seed) for seed in range(5)] for n in numbers])
    axis.plot(numbers, results.mean(axis=1), "o-", color=colour, label=name)
    axis.fill_between(numbers, results.min(axis=1), results.max(axis=1), color=colour, alpha=0.15)
axis.axhline(0.5, color="black", linewidth=0.8, linestyle=":", label="guessing")
axis.set_xscale("log", base=2)
axis.set_xticks(numbers, [str(number) for number in numbers])
axis.set(xlabel="pictures of each class", ylabel="held-out pictures judged rightly", ylim=(0.4, 1.02))
axis.set_title("One unit on the features of three bases (mean, lowest and highest of five draws)", fontsize=10)
axis.legend()
plt.show()

# %% [markdown]
# Three lessons in one picture:
#
# - **Near is best.** The base that knows hands needs almost no pictures. Look for one that was trained on something
#   like yours.
# - **Far is far better than nothing.** Edges and shapes are everywhere. But it takes more pictures.
# - **Random features** say a little, for dark and bright or large and small show in any mixture of the pixels, and
#   more pictures hardly help. So a base without its weights is *not* transfer learning.

# %% [markdown]
# ## 3. More pictures out of few
#
# **The idea.** A mirrored hand is a hand. So is one that is held a little aslant. Whoever has few pictures shows the
# network a changed one in each epoch, so that it cannot learn the few by heart. Keras has layers for it. As a part of
# the model they
#
# - act while training, and only then: in use a picture must be judged as it is;
# - draw a new change each time, for each picture by itself.
#
# | layer | what it does |
# | --- | --- |
# | `RandomFlip("horizontal")` | mirrors every second picture, left to right |
# | `RandomRotation(0.2)` | turns by up to 0.2 of a **whole turn**, 72 degrees, either way |
#
# `fit` says that it trains, `predict` and `evaluate` say that they do not. Whoever calls a model by hand has to say
# it too: in `model(pictures)` alone, Keras's random layers act; `model(pictures, training=False)` leaves the pictures
# as they are.
#
# Which changes are right depends on the pictures. A car upside down is an accident, a cell under the microscope has
# no upside. Without its argument `RandomFlip` turns pictures upside down as well.
#
# ### Exercise 1: `data_augmenter`
#
# Make a `Sequential` model of the two layers, in this order.

# %%
# GRADED FUNCTION: data_augmenter


def data_augmenter():
    """Make a model that mirrors and turns pictures while training.

    Returns:
        A keras.Sequential from pictures (m, height, width, channels) to such pictures.
    """
    ### START CODE HERE
    data_augmentation = tf.keras.Sequential()
    #~ data_augmentation = None
    # Mirror left to right
    data_augmentation.add(RandomFlip("horizontal"))
    # Turn by up to 0.2 of a whole turn
    data_augmentation.add(RandomRotation(0.2))
    ### END CODE HERE

    return data_augmentation


# %%
check(data_augmenter)

# %% [markdown]
# One picture, eight times while training; and on the right in use. What a turn leaves empty at the border is filled
# with a reflection.

# %%
data_augmentation = data_augmenter()
keras.utils.set_random_seed(1)
eight_times = np.repeat(X_show[order[:1]], 8, axis=0)
shown = [*np.array(data_augmentation(eight_times, training=True)), *data_augmentation(eight_times[:1], training=False)]
figure, axes = plt.subplots(1, 9, figsize=(14, 2))
for axis, image in zip(axes, shown):
    axis.imshow(np.array(image) / 255)
    axis.axis("off")
axes[8].set_title("in use", fontsize=9)
plt.show()

# %% [markdown]
# ## 4. A frozen base and one new unit
#
# **Each base has its own idea of a pixel.** It was trained with numbers on one scale, and it is lost with others.
# MobileNetV2 wants -1 to 1; its function `preprocess_input` makes that of 0 to 255. The road network wants 0 to 1.
#
# **The experiment.** One unit is trained on the road network's features, with pixels of 0 to 1. Then somebody who
# uses it takes another scale. No error tells them!

# %%
one_unit = train_one_unit(features["roads"][0], y_train)
for scale, scaled in {
    "0 to 1, as in training": lambda x: x / 255,
    "-1 to 1": lambda x: x / 127.5 - 1,
    "0 to 255": lambda x: x,
}.items():
    right = np.mean((one_unit(features_of(roads, scaled(X_small_test))) > 0) == y_test)
    print(f"{scale:22} {right:.3f} of the held-out pictures judged rightly")

# %% [markdown]
# So the scaling belongs *into* the model: then nobody can forget it, or take the wrong one.
#
# **The model**, in the order of the way that a picture takes:
#
# | part | layer | why |
# | --- | --- | --- |
# | augmentation | `data_augmentation` | on the pixels as they are, 0 to 255 |
# | scaling | `preprocess_input` | to -1 to 1 |
# | base | `MobileNetV2`, `include_top=False`, `weights="imagenet"` | 154 layers, without its 1000 classes |
# | pooling | `GlobalAveragePooling2D` | a 5 x 5 map of 1280 channels becomes 1280 numbers |
# | dropout | `Dropout(0.2)` | while training, each number is left out with a chance of 0.2 |
# | new unit | `Dense(1)` | the *logit*: above 0 means label 1 |
#
# **Frozen** means `base_model.trainable = False`: training changes none of its 2,257,984 parameters. 1,281 are left
# to train. Why not all? The new unit begins with random weights, and for some hundred steps it sends random errors
# back. They would destroy what the base has learned.
#
# **`training=False`** in the call of the base: its batch norms then take the means and variances of their million
# photographs, and not those of your batch. A frozen batch norm does so anyway; the argument says it aloud.
#
# **No activation** in the new unit. The sigmoid is inside the loss, `BinaryCrossentropy(from_logits=True)`, where it
# is computed without overflow.
#
# ### Exercise 2: `alpaca_model`

# %%
preprocess_input = tf.keras.applications.mobilenet_v2.preprocess_input

# %%
# GRADED FUNCTION: alpaca_model


def alpaca_model(image_shape=IMG_SIZE, data_augmentation=data_augmenter()):
    """Put one new unit on a frozen MobileNetV2.

    Args:
        image_shape: (height, width) of the pictures.
        data_augmentation: a layer or model that changes pictures while training.

    Returns:
        A model from pictures (m, height, width, 3) of 0..255 to logits (m, 1).
    """
    input_shape = (*image_shape, 3)
    inputs = tf.keras.Input(shape=input_shape)

    ### START CODE HERE
    # The base: MobileNetV2 for input_shape, without its top, with the weights of ImageNet; then freeze it
    base_model = tf.keras.applications.MobileNetV2(input_shape=input_shape, include_top=False, weights="imagenet")
    base_model.trainable = False
    #~ base_model = None

    # Augmentation, then scaling
    x = data_augmentation(inputs)
    x = preprocess_input(x)
    #~ x = None

    # The base, in inference mode: training=False
    x = base_model(x, training=False)
    #~ x = None

    # Mean over the map, dropout of 0.2
    x = tfl.GlobalAveragePooling2D()(x)
    x = tfl.Dropout(0.2)(x)
    #~ x = None

    # One unit, without an activation
    outputs = tfl.Dense(1)(x)
    #~ outputs = None
    ### END CODE HERE

    return tf.keras.Model(inputs, outputs)


# %%
check(alpaca_model)

# %% [markdown]
# The check put a small network in MobileNetV2's place, which is quick and needs no download. Now for the real one:
# Keras fetches its weights, 9 MB, once.
#
# **Without a network** there is nothing to fetch, and MobileNetV2 with random weights would learn next to nothing, as
# you saw. So the lesson then takes the road network of part 2 for a base, at 64 x 64 pixels, in a model that is built
# just like yours. All that follows is the same.


# %%
def can_fetch_imagenet(seconds=10):
    """Say whether MobileNetV2's weights are on this machine or can be fetched, and print why not."""
    socket.setdefaulttimeout(seconds)  # a network that does not answer must not hold us up
    try:
        keras.applications.MobileNetV2(input_shape=(*IMG_SIZE, 3), include_top=False, weights="imagenet")
    except Exception as error:  # Keras raises nothing narrower where a download fails
        print(f"No ImageNet weights: {str(error).splitlines()[0]}")
        return False
    finally:
        socket.setdefaulttimeout(None)
    return True


def model_on_roads():
    """Build the same model on a copy of the road network."""
    base = copy_of(roads)
    base.trainable = False
    inputs = keras.Input((*SMALL, 3))
    x = data_augmenter()(inputs)
    x = tfl.Rescaling(1 / 255)(x)
    x = base(x, training=False)
    x = tfl.GlobalAveragePooling2D()(x)
    x = tfl.Dropout(0.2)(x)
    return keras.Model(inputs, tfl.Dense(1)(x))


if can_fetch_imagenet():
    model, size, fine_tune_at = alpaca_model(), IMG_SIZE, 120
    print("The base is MobileNetV2, trained on ImageNet.")
else:
    model, size, fine_tune_at = model_on_roads(), SMALL, 29
    print("The base is the road network.")
X_train, X_test = (read(some_files, size)[0] for some_files in (train_files, test_files))
trained_parameters = sum(np.prod(weight.shape) for weight in model.trainable_weights)
print(f"{model.count_params():,} parameters, {trained_parameters:,} of them to train")

# %% [markdown]
# **A trap in the metric.** `metrics=["accuracy"]` counts an output above 0.5 as label 1. That is right for
# probabilities; of logits, it is those above **0** that mean label 1. So we say so: `BinaryAccuracy(threshold=0)`.

# %%
base_learning_rate = 0.001 if size == IMG_SIZE else 0.005


def train(model, epochs):
    """Train a compiled model; give its history."""
    started = time.time()
    history = model.fit(X_train, y_train, batch_size=16, epochs=epochs, validation_data=(X_test, y_test), verbose=0)
    print(f"{epochs} epochs in {time.time() - started:.0f} s")
    return history.history


def draw_curves(histories, names):
    """Draw accuracy and loss of trainings that follow each other, with a line where each but the first begins."""
    _, axes = plt.subplots(1, 2, figsize=(12, 3.6))
    for axis, what in zip(axes, ("accuracy", "loss")):
        for key, label in ((what, "training, augmented"), (f"val_{what}", "held-out pictures")):
            curve = np.concatenate([history[key] for history in histories])
            axis.plot(np.arange(1, len(curve) + 1), curve, label=label)
        start = 0
        for history, name in zip(histories, names):
            if start:
                axis.axvline(start + 0.5, color="grey", linestyle="--")
            axis.text(start + 0.8, axis.get_ylim()[0], f" {name}", color="grey", va="bottom", fontsize=9)
            start += len(history["loss"])
        axis.set(title=what, xlabel="epoch")
        axis.legend()
    plt.show()


keras.utils.set_random_seed(0)
model.compile(
    optimizer=keras.optimizers.Adam(base_learning_rate),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(threshold=0, name="accuracy")],
)
frozen_history = train(model, 12)
draw_curves([frozen_history], ["base frozen"])
print(f"held-out pictures judged rightly: {frozen_history['val_accuracy'][-1]:.3f}")

# %% [markdown]
# Does the training curve lie *below* that of the held-out pictures? That is no mistake: while training, pictures are
# turned and a fifth of the features is missing.

# %% [markdown]
# ## 5. Fine-tuning
#
# **The idea.** The first layers of a base see edges and colours, which all pictures have. The last ones see what
# *its* classes are made of, and those may be wrong for yours. So once the new unit has learned, let the last layers
# learn too, carefully:
#
# 1. make the base trainable, then freeze its first layers again, up to layer `fine_tune_at`;
# 2. take a **tenth of the learning rate**: the weights are good already, and shall only be nudged;
# 3. **compile again**. The first step after compiling fixes what is trained; without it the old training goes on.
#
# Where do the parameters lie? The widths in the figure are those of the layers' parameters.


# %%
def base_of(model):
    """Find the base in a model: the layer that is a model itself and has the most layers."""
    return max((layer for layer in model.layers if hasattr(layer, "layers")), key=lambda layer: len(layer.layers))


def draw_base(base, first_trained):
    """Draw a base as a bar: for each layer as much as it has parameters, frozen ones grey."""
    counts = [layer.count_params() for layer in base.layers]
    _, axis = plt.subplots(figsize=(13, 1.3))
    ends = np.cumsum(counts)
    for number, (end, count) in enumerate(zip(ends, counts)):
        colour = "tab:orange" if number >= first_trained else "lightgrey"
        axis.barh(0, count, left=end - count, color=colour, edgecolor="white", linewidth=0.5)
    share = sum(counts[first_trained:]) / ends[-1]
    axis.set_title(
        f"{base.name}: {len(counts)} layers; from number {first_trained} on (orange) {share:.0%} of the parameters",
        fontsize=10,
    )
    axis.set(yticks=[], xlim=(0, ends[-1]), xlabel="parameters, from the input on")
    axis.xaxis.set_major_formatter("{x:,.0f}")
    plt.show()


draw_base(base_of(model), fine_tune_at)

# %% [markdown]
# The last layers are few and heavy: a fraction of the layers has most of the parameters.
#
# **In the course** these steps stand in the notebook, one after the other, with `base_model = model2.layers[4]`. Here
# they are a function, so that it can be checked, and used for any model. Which place the base has in it depends on
# how the model was put together, and on Keras (the one of today does not count the two steps of `preprocess_input` as
# layers; there it would be `layers[2]`); so `base_of` looks for it.
#
# ### Exercise 3: `fine_tune`

# %%
# GRADED FUNCTION: fine_tune


def fine_tune(model, fine_tune_at=120, base_learning_rate=0.001):
    """Prepare a model for fine-tuning: open the last layers of its base, and compile.

    Args:
        model: as of alpaca_model, trained with its base frozen.
        fine_tune_at: number of the base's first layer that shall be trained.
        base_learning_rate: of the training before; fine-tuning takes a tenth of it.

    Returns:
        The same model, compiled.
    """
    base_model = base_of(model)

    ### START CODE HERE
    # Make the base trainable, then freeze each layer before fine_tune_at
    base_model.trainable = True
    for layer in base_model.layers[:fine_tune_at]:
        layer.trainable = False

    # Loss on logits; Adam with a tenth of base_learning_rate
    loss_function = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    optimizer = tf.keras.optimizers.Adam(learning_rate=base_learning_rate * 0.1)
    #~ loss_function = None
    #~ optimizer = None

    # Compile, with an accuracy among the metrics
    accuracy = tf.keras.metrics.BinaryAccuracy(threshold=0, name="accuracy")
    model.compile(loss=loss_function, optimizer=optimizer, metrics=[accuracy])
    ### END CODE HERE

    return model


# %%
check(fine_tune)

# %%
model = fine_tune(model, fine_tune_at, base_learning_rate)
trained_parameters = sum(np.prod(weight.shape) for weight in model.trainable_weights)
print(f"{trained_parameters:,} of {model.count_params():,} parameters to train")
tuned_history = train(model, 12)
draw_curves([frozen_history, tuned_history], ["base frozen", "fine-tuned"])
print(f"held-out pictures judged rightly, base frozen: {frozen_history['val_accuracy'][-1]:.3f}")
print(f"held-out pictures judged rightly, fine-tuned:  {tuned_history['val_accuracy'][-1]:.3f}")

# %% [markdown]
# With 40 held-out pictures, one picture is 0.025: a difference of two or three of them may be chance. Look at both
# curves together. Where the loss of the held-out pictures rises while that of the training pictures falls, the
# network learns the training pictures by heart: open fewer layers, stop earlier, or find more pictures.
#
# **A jump at the start?** In Keras 3, `fit` tells *all* trainable batch norms that they are training, whatever
# `training=False` the base was called with. Those in the opened layers go over to the statistics of your small
# batches, and the layers behind them have to get used to it. Where fine-tuning makes things worse, freeze the batch
# norms in the opened layers too; the recipes below do.

# %% [markdown]
# ## 6. How much to train?
#
# The lecture's rule of thumb:
#
# | you have | freeze | train | recipe of the package |
# | --- | --- | --- | --- |
# | few pictures | everything | the new layer, on features that are computed once | `small` |
# | more | the first layers | the last layers and the new one | `medium` |
# | very many (say a million) | nothing | everything, beginning with the given weights | `large` |
#
# **The experiment.** The road network, our training pictures, and the three recipes, made shorter. `train_transfer`
# builds the model, freezes, computes the features once where it can, and trains; `choose_recipe` knows the rule of
# thumb. Guess: which of the three is best, and which is fastest?


# %%
def shortened(recipe):
    """Make a recipe that is done in seconds."""
    return replace(
        recipe,
        head=recipe.head and replace(recipe.head, views=4, epochs=20),
        fit=recipe.fit and replace(recipe.fit, epochs=5, batch_size=8),
    )


train_images, test_images = (kcc.read_images(some_files, SMALL).data for some_files in (train_files, test_files))
results = {}
with tempfile.TemporaryDirectory() as cache:  # features would be kept for the next time, and nothing is to be measured
    for number_of_pictures in (100, 100_000, 1_000_000):
        recipe = kcc.choose_recipe(number_of_pictures)
        started = time.time()
        backbone = kcc.Backbone("roads", copy_of(roads), preprocessing=tfl.Rescaling(1 / 255))
        adapted, _ = kcc.train_transfer(backbone, shortened(recipe), train_images, cache=Path(cache))
        seconds = time.time() - started
        predicted = adapted.predict(test_images.images.astype("float32"), verbose=0).argmax(axis=1)
        results[recipe.name] = np.mean(predicted == test_images.labels), seconds
        print(f"{recipe.name:8} {results[recipe.name][0]:.3f} judged rightly, {seconds:.0f} s")

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 2.8), sharey=True)
accuracies, times = zip(*results.values())
colours = ["tab:green", "tab:orange", "tab:red"]
left.barh(list(results), accuracies, color=colours)
left.axvline(0.5, color="black", linewidth=0.8, linestyle=":")
left.set(title=f"{len(test_images)} held-out pictures judged rightly (dotted: guessing)", xlim=(0, 1))
right.barh(list(results), times, color=colours)
right.set(title=f"seconds, with {len(train_images)} pictures to train with")
left.invert_yaxis()
plt.show()

# %% [markdown]
# `small` is quickest: the features of the frozen base are computed once. `medium` is about as good here, for one
# picture of 40 is 0.025; the further a base is from your pictures, the sooner it pays to open its last layers, as in
# part 5. `large` shows what is too much: half a million weights find many ways to be right on 120 pictures, and need
# many more steps and pictures to find one that is right on others.
#
# **With more pictures** the order turns round. This was measured beforehand on the six hand signs, with a small
# MobileNet that knows ImageNet, on 216 held-out pictures (`python benchmarks/transfer_signs.py`; guessing is 0.167):
#
# | pictures of each class | 5 | 10 | 30 | 100 |
# | --- | --- | --- | --- | --- |
# | `small`: the head only | **0.755** | **0.847** | **0.935** | 0.954 |
# | `medium`: half frozen | 0.699 | 0.824 | 0.898 | **0.968** |
# | everything, from the given weights | 0.477 | 0.630 | 0.824 | 0.935 |
# | everything, from random weights | 0.194 | 0.148 | 0.185 | 0.241 |
#
# Read it along the rows: the more is trained, the more it gains from each further picture. At a hundred pictures of
# each class the half-frozen network is in front, and far beyond the table lies the place where nothing needs to be
# frozen. Even there one begins with the given weights: the last row shows why.
#
# Try it: give `train_transfer` every sixth picture only, `train_images.take(np.arange(0, len(train_images), 6))`.
# Which way suffers least?

# %% [markdown]
# ## 7. Your own picture
#
# Put a picture into this folder and write its name below. `sigmoid` turns the logit into a probability.

# %%
my_image = "my_picture.jpg"

picture = kcc.read_image(my_image)
small_picture = kcc.crop_and_resize(picture, size)
logit = float(model.predict(small_picture[np.newaxis].astype("float32"), verbose=0)[0, 0])
probability = 1 / (1 + np.exp(-logit))

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 2.8))
left.imshow(picture)
left.set_title("your picture")
middle.imshow(small_picture)
middle.set_title("what the network sees")
right.barh([name.replace("_", " ") for name in class_names], [1 - probability, probability])
right.set(title=f"logit {logit:.2f}", xlabel="probability", xlim=(0, 1))
for axis in (left, middle):
    axis.axis("off")
figure.tight_layout()
plt.show()

# %% [markdown]
# ## 8. Mistakes, and what they look like
#
# Everyone makes some of these. The checks recognise them; here is how you notice them without a check.
#
# | mistake | what it looks like |
# | --- | --- |
# | `RandomFlip()` without its argument | Look at the augmented pictures: some stand on their head. |
# | `RandomRotation(20)` | An error: the factor is a part of a whole turn, and no number of degrees. |
# | augmentation or dropout called with `training=True` | `model(pictures)` gives another logit each time. |
# | `preprocess_input` forgotten, or another network's | Everything runs. The accuracy is poor, and nothing says why. |
# | `preprocess_input` before the augmentation | Flips do not mind; a change of brightness is 127 times too strong. |
# | `include_top=True` | An error at the pooling: it gets 1000 numbers, and no map. |
# | `weights=None` | Everything runs, and hardly anything is learned. |
# | the base not frozen | Millions of parameters to train; the first steps spoil what the base knew. |
# | the base called with `training=True` | Once opened, it judges a picture by its batch. |
# | `Flatten` for the pooling | 32,000 weights for the new unit, and quick overfitting. |
# | no dropout | The training accuracy runs away from that of the held-out pictures. |
# | `Dropout(0.8)` | 0.8 is the share that is dropped. Training is slow and noisy. |
# | a sigmoid at the end, with `from_logits=True` | No loss below 0.31 for label 1, and 0.69 for label 0. |
# | two units | An error in the loss: the shapes of labels and logits differ. |
# | no `from_logits=True` | The loss is strange from the first step: logits are cut off at 0 and 1. |
# | `metrics=["accuracy"]` with logits | The accuracy is a little off: logits of 0 to 0.5 are counted as label 0. |
# | `base_model.trainable = True` forgotten | Fine-tuning has 2 weights to train, as before. |
# | `layers[fine_tune_at:]` frozen | The first layers are trained, which were good for any picture. |
# | the learning rate not lowered | The loss jumps up when fine-tuning begins, and comes down slowly. |
# | not compiled again | Nothing happens: training goes on as before. |
#
# ## 9. Grade it
#
# Save the notebook, then run in a terminal, in this folder:
#
# ```
# kcc grade transfer_learning.ipynb --assignment 02
# ```
#
# It runs the checks above and hidden ones, with other inputs, and says what earned points.
