"""How many pictures a file holds is told with its first one, cheaply and also of hostile files."""

import io
import struct
import time

import numpy as np
import pytest
from PIL import Image

from facecore import images, media
from facecore.errors import UnreadableImageError
from facecore.images_count import MOST_PICTURES


def save(format, num, **options):
    frames = [Image.new("RGB", (20, 16), (40 * i % 256, 90, i % 256)) for i in range(num)]
    buffer = io.BytesIO()
    frames[0].save(buffer, format, save_all=True, append_images=frames[1:], **options)
    return buffer.getvalue()


def told(data):
    picture = images.decode_picture(data, "scene")
    return picture.num_in_file, picture.is_animation


def make_tiff(num, subfile_type=None, order="<", loops=False):
    """Tables of one-pixel pages, the first one a plain page, the others of the given type."""
    data = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8))
    for i in range(num):
        tags = [(254, 4, 0 if i == 0 or subfile_type is None else subfile_type)]
        tags += [(256, 4, 1), (257, 4, 1), (258, 4, 8), (259, 4, 1), (262, 4, 1)]
        tags += [(273, 4, 0), (277, 4, 1), (278, 4, 1), (279, 4, 1)]
        after = len(data) + 2 + 12 * len(tags) + 4
        data += struct.pack(f"{order}H", len(tags))
        for tag, kind, value in tags:
            data += struct.pack(f"{order}HHII", tag, kind, 1, value)
        data += struct.pack(f"{order}I", after if i < num - 1 else 8 * loops)
    return bytes(data)


@pytest.mark.parametrize(
    ("format", "animated"),
    [("TIFF", False), ("HEIF", False)] + [(f, True) for f in ("GIF", "WEBP", "PNG", "AVIF")],
)
def test_every_format_tells_its_number(format, animated):
    assert told(save(format, 4)) == (4, animated)
    assert told(save(format, 1)) == (1, False)


def test_large_tiff_tells_its_number():
    assert told(save("TIFF", 3, big_tiff=True)) == (3, False)


def test_second_picture_of_a_phone_jpeg_is_no_page():
    assert told(save("MPO", 2)) == (1, False)


def test_number_comes_from_the_other_process_with_the_first_picture():
    data = save("TIFF", 4)
    picture = media.decode_picture(data, "scan.tif")
    assert (picture.num_in_file, picture.is_animation) == (4, False)
    np.testing.assert_array_equal(picture.bgr, media.decode_image(data, "scan.tif"))
    assert media.decode_picture(save("GIF", 3), "moves.gif").is_animation


@pytest.mark.parametrize("order", "<>")
def test_small_copies_and_masks_are_no_pages(order):
    assert told(make_tiff(3, order=order)) == (3, False)
    assert told(make_tiff(3, 1, order)) == (1, False)
    assert told(make_tiff(3, 4, order)) == (1, False)


def test_counting_ends_where_a_file_does_not():
    assert told(make_tiff(3, loops=True)) == (3, False)
    assert told(make_tiff(MOST_PICTURES + 500)) == (MOST_PICTURES, False)
    gif = save("GIF", 2)
    frame = b"\x2c" + struct.pack("<4HB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    assert told(gif[:-1] + frame * 5000 + b";") == (MOST_PICTURES, True)


def test_main_picture_of_a_heic_may_be_a_later_one():
    picture = media.decode_picture(save("HEIF", 4, primary_index=2), "burst.heic")
    assert (picture.number, picture.num_in_file) == (3, 4)


@pytest.mark.parametrize(
    "blocks", [b"\x21\xfe" + b"\x01a" * 20_000_000, b"\x21\xfe\0" * 20_000_000], ids=["one", "many"]
)
def test_hostile_blocks_are_not_walked_to_the_end(blocks):
    data = save("GIF", 2)[:-1] + blocks
    start = time.process_time()
    assert told(data) == (2, True)
    assert time.process_time() - start < 2


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("format", ["GIF", "TIFF"])
def test_what_is_damaged_behind_the_first_picture_costs_nothing(format):
    data = save(format, 3)
    whole = 0
    for end in range(len(data)):
        try:
            number, _ = told(data[:end])
        except UnreadableImageError:
            continue
        whole += 1
        assert 1 <= number <= 3
    assert whole
