"""A JPEG file taken apart: its sizes and tables, and the numbers in its blocks before any arithmetic.

Source: ITU-T T.81, annexes A, B and F. Read are sequential files with Huffman codes, 8 bits, grey or YCbCr, all colours
in one scan: nearly every JPEG that a camera writes.
"""

import re
import struct
from array import array
from typing import NamedTuple

import numpy as np

from keras_cv_course.data.image_files import MAX_PIXELS

# Markers, the byte after 0xFF
_START, _END, _START_OF_SCAN = 0xD8, 0xD9, 0xDA
_FRAMES = (0xC0, 0xC1)  # baseline and extended sequential, both with Huffman codes
_OTHER_FRAMES = (0xC2, 0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
_HUFFMAN, _QUANTIZATION, _RESTART_INTERVAL = 0xC4, 0xDB, 0xDD
_JFIF, _ADOBE = 0xE0, 0xEE

# Place in an 8 x 8 block, row by row, of the coefficients in the file's order.
ZIGZAG = np.array(
    [place for _, _, place in sorted((r + c, r if (r + c) % 2 else c, 8 * r + c) for r in range(8) for c in range(8))]
)

_Code = tuple[int, int, int]  # bits in the code, zeros before the number, bits in the number


class Component(NamedTuple):
    """One of Y, Cb, Cr."""

    name: int
    columns: int  # blocks in a unit of the scan
    rows: int
    quantization: int


class _Jpeg(NamedTuple):
    """A file up to its scan."""

    height: int
    width: int
    components: list[Component]
    quantization: dict[int, np.ndarray]
    codes: dict[int, list[_Code | None]]
    codes_of: dict[int, tuple[int, int]]  # component -> tables for DC and AC
    restart_interval: int
    scan: bytes


class Plane(NamedTuple):
    """The blocks of one colour.

    Attributes:
        blocks: int32 (rows of blocks, columns of blocks, 64): coefficients row by row, times the quantization table.
        up: how many rows of the picture a row of this colour stands for.
        across: the same for columns.
    """

    blocks: np.ndarray
    up: int
    across: int


def read_blocks(content: bytes) -> tuple[int, int, list[Plane]]:
    """Give height and width of a JPEG file, and the planes Y alone or Y, Cb, Cr.

    Raises:
        ValueError: damage, or another kind of JPEG.
        LookupError: damage.
        OverflowError: damage.
    """
    jpeg = _take_apart(content)
    most_rows = max(component.rows for component in jpeg.components)
    most_columns = max(component.columns for component in jpeg.components)
    planes = [
        Plane(
            blocks * jpeg.quantization[component.quantization],
            most_rows // component.rows,
            most_columns // component.columns,
        )
        for component, blocks in zip(jpeg.components, _coefficients(jpeg), strict=True)
    ]
    return jpeg.height, jpeg.width, planes


def _take_apart(content: bytes) -> _Jpeg:
    """Read the segments of the file up to the one scan."""
    if content[:2] != bytes([0xFF, _START]):
        raise ValueError(f"it starts with {content[:8]!r}")
    height = width = restart_interval = 0
    components: list[Component] = []
    quantization, codes = {}, {}
    has_jfif = adobe_rgb = False
    place = 2
    while True:
        marker = content[place + 1]
        if content[place] != 0xFF:
            raise ValueError(f"no segment at byte {place}")
        if marker == 0xFF:  # filling
            place += 1
            continue
        length = int.from_bytes(content[place + 2 : place + 4], "big")
        segment = content[place + 4 : place + 2 + length]
        place += 2 + length
        if marker in _FRAMES:
            height, width, components = _read_frame(segment)
        elif marker in _OTHER_FRAMES:
            raise ValueError("it is progressive, lossless or arithmetic-coded")
        elif marker == _QUANTIZATION:
            while segment:
                wide, number = segment[0] >> 4, segment[0] & 15
                size = 64 * (1 + wide)
                table = np.zeros(64, np.int32)
                table[ZIGZAG] = np.frombuffer(segment[1 : 1 + size], ">u2" if wide else "u1")
                quantization[number] = table
                segment = segment[1 + size :]
        elif marker == _HUFFMAN:
            while segment:
                counts, total = segment[1:17], sum(segment[1:17])
                codes[segment[0]] = _code_table(counts, segment[17 : 17 + total])
                segment = segment[17 + total :]
        elif marker == _RESTART_INTERVAL:
            restart_interval = int.from_bytes(segment, "big")
        elif marker == _JFIF and segment.startswith(b"JFIF"):
            has_jfif = True  # which promises YCbCr
        elif marker == _ADOBE and segment.startswith(b"Adobe"):
            adobe_rgb = segment[11] == 0
        elif marker == _END:
            raise ValueError("it ends before its pixels")
        elif marker == _START_OF_SCAN:
            break

    codes_of = {segment[n]: (segment[n + 1] >> 4, 16 + (segment[n + 1] & 15)) for n in range(1, 2 * segment[0], 2)}
    if not components or list(codes_of) != [component.name for component in components]:
        raise ValueError("its colours come one after the other, not together")
    names = bytes(component.name for component in components)
    if names == b"RGB" or (len(names) == 3 and adobe_rgb and not has_jfif):
        raise ValueError("its colours are RGB")
    end = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]").search(content, place)
    scan = content[place : end.start() if end else None]
    return _Jpeg(height, width, components, quantization, codes, codes_of, restart_interval, scan)


def _read_frame(segment: bytes) -> tuple[int, int, list[Component]]:
    if len(segment) < 6:
        raise ValueError("it is truncated")
    bits, height, width, count = struct.unpack(">BHHB", segment[:6])
    if bits != 8 or count not in (1, 3):
        raise ValueError(f"it has {bits} bits and {count} colours")
    if not 0 < height * width <= MAX_PIXELS:
        raise ValueError(f"it has {width} x {height} pixels, where 1 to {MAX_PIXELS:,} are read")
    components = [
        Component(segment[n], segment[n + 1] >> 4, segment[n + 1] & 15, segment[n + 2])
        for n in range(6, 6 + 3 * count, 3)
    ]
    if count == 1:  # a single component comes block by block, whatever its sampling factors say
        components = [components[0]._replace(columns=1, rows=1)]
    for factors in ([c.columns for c in components], [c.rows for c in components]):
        if not all(0 < factor <= 4 and max(factors) % factor == 0 for factor in factors):
            raise ValueError(f"it samples its colours {factors}")
    return height, width, components


def _code_table(counts: bytes, values: bytes) -> list[_Code | None]:
    """Give for each 16 bits the code that they start with. `counts` has the number of codes of 1, 2, ... 16 bits."""
    table: list[_Code | None] = []
    value = 0
    for bits, count in enumerate(counts, start=1):
        for _ in range(count):
            table += [(bits, values[value] >> 4, values[value] & 15)] * (1 << (16 - bits))
            value += 1
    if len(table) > 1 << 16:
        raise ValueError("its Huffman codes are impossible")
    return table + [None] * ((1 << 16) - len(table))


def _coefficients(jpeg: _Jpeg) -> list[np.ndarray]:
    """Decode the scan: int16 (rows of blocks, columns of blocks, 64) for each component, row by row in a block."""
    most_rows = max(component.rows for component in jpeg.components)
    most_columns = max(component.columns for component in jpeg.components)
    unit_columns = -(-jpeg.width // (8 * most_columns))
    units = -(-jpeg.height // (8 * most_rows)) * unit_columns
    zigzag = ZIGZAG.tolist()

    # The blocks of a unit: number of the component, its tables, and how the unit's place becomes the block's.
    plan, decoded = [], []
    for number, component in enumerate(jpeg.components):
        dc, ac = (jpeg.codes[table] for table in jpeg.codes_of[component.name])
        numbers = array("h", bytes(2 * 64 * units * component.rows * component.columns))
        decoded.append(numbers)
        for row in range(component.rows):
            for column in range(component.columns):
                plan.append((number, component.rows, component.columns, row, column, dc, ac, numbers))

    interval = jpeg.restart_interval or units
    pieces = re.split(rb"\xff+[\xd0-\xd7]", jpeg.scan)  # at restart markers
    if len(pieces) * interval < units:
        raise ValueError("it is truncated")
    for first, piece in zip(range(0, units, interval), pieces, strict=False):
        piece = piece.replace(b"\xff\x00", b"\xff")
        available = 8 * len(piece)
        piece += bytes(-len(piece) % 8)
        place = buffer = bits = 0  # `bits` of `buffer` are still to be read
        previous = [0] * len(jpeg.components)
        for unit in range(first, min(first + interval, units)):
            unit_row, unit_column = divmod(unit, unit_columns)
            for number, rows, columns, row, column, dc, ac, numbers in plan:
                start = 64 * ((unit_row * rows + row) * unit_columns * columns + unit_column * columns + column)
                k = 0
                while k < 64:
                    if bits < 32:  # a code and its number have 31 at most
                        if place > len(piece):
                            raise ValueError("it is truncated")
                        buffer = (buffer & ((1 << bits) - 1)) << 64 | int.from_bytes(piece[place : place + 8], "big")
                        place += 8
                        bits += 64
                    code = (ac if k else dc)[(buffer >> (bits - 16)) & 0xFFFF]
                    if code is None:
                        raise ValueError("a code that is in none of its tables")
                    length, zeros, size = code
                    bits -= length + size
                    value = (buffer >> bits) & ((1 << size) - 1)
                    if size and not value >> (size - 1):  # a leading 0 marks a negative number
                        value -= (1 << size) - 1
                    if k == 0:
                        previous[number] += value
                        numbers[start] = previous[number]
                    elif size:
                        k += zeros
                        numbers[start + zigzag[k]] = value
                    elif zeros == 15:
                        k += 15
                    else:
                        break
                    k += 1
        if 8 * place - bits > available:
            raise ValueError("it is truncated")
    return [
        np.frombuffer(numbers, np.int16).reshape(-1, unit_columns * component.columns, 64)
        for numbers, component in zip(decoded, jpeg.components, strict=True)
    ]
