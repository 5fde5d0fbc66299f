"""Darknet-19, the body of YOLOv2.

Source: Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger", 2016, table 6, without its last convolution, the
pooling and the softmax, which YOLOv2 takes off.
"""

from keras_cv_course.models.darknet_layers import Convolution, Layer, MaxPool

# 18 convolutions; the 19th was the classifier's. 1x1 convolutions squeeze the channels between those of 3x3.
DARKNET19: tuple[Layer, ...] = (
    Convolution(32, 3),
    MaxPool(),  # 1/2
    Convolution(64, 3),
    MaxPool(),  # 1/4
    Convolution(128, 3),
    Convolution(64, 1),
    Convolution(128, 3),
    MaxPool(),  # 1/8
    Convolution(256, 3),
    Convolution(128, 1),
    Convolution(256, 3),
    MaxPool(),  # 1/16
    Convolution(512, 3),
    Convolution(256, 1),
    Convolution(512, 3),
    Convolution(256, 1),
    Convolution(512, 3),  # where YOLOv2's passthrough begins
    MaxPool(),  # 1/32
    Convolution(1024, 3),
    Convolution(512, 1),
    Convolution(1024, 3),
    Convolution(512, 1),
    Convolution(1024, 3),
)
