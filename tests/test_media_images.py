"""Pictures of every kind come out upright and right; bad ones give one clear sentence."""

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms
from video_files import make_video

from facecore.errors import MediaTooLargeError, UnreadableImageError
from facecore.media import (
    MediaLimits,
    decode_image,
    encode_image,
    example_image,
    safe_name,
)

RED_BGR, WHITE, BLACK = (0, 0, 255), (255, 255, 255), (0, 0, 0)


def draw_scene(size=(64, 48)) -> Image.Image:
    """White with a red upper left quarter and a black lower right one."""
    image = Image.new("RGB", size, "white")
    half = (size[0] // 2, size[1] // 2)
    image.paste("red", (0, 0, *half))
    image.paste("black", (*half, *size))
    return image


def save(image: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def assert_scene(frame, tolerance=12):
    """The scene's four quarters have their colours at their places."""
    height, width = frame.shape[:2]
    rows, columns = (height // 4, 3 * height // 4), (width // 4, 3 * width // 4)
    seen = [frame[y, x].astype(int) for y in rows for x in columns]
    for pixel, expected in zip(seen, (RED_BGR, WHITE, WHITE, BLACK), strict=True):
        np.testing.assert_allclose(pixel, expected, atol=tolerance)


@pytest.mark.parametrize(
    "format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "HEIF", "AVIF", "JPEG2000", "PPM"]
)
def test_every_format_decodes(format):
    frame = decode_image(save(draw_scene(), format), "scene")
    assert frame.dtype == np.uint8 and frame.shape == (48, 64, 3) and frame.flags.c_contiguous
    assert_scene(frame)


def test_name_does_not_matter_but_content_does():
    assert_scene(decode_image(save(draw_scene(), "PNG"), "really_a_png.jpg"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation(orientation, format):
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the inverse of each turn, Pillow's numbers
    inverse = {1: None, **{o: Image.Transpose(t) for o, t in turns.items()}}
    stored = draw_scene()
    if inverse[orientation] is not None:
        stored = stored.transpose(inverse[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    frame = decode_image(save(stored, format, exif=exif), "phone")
    assert frame.shape == (48, 64, 3)
    assert_scene(frame)


@pytest.mark.shared
@pytest.mark.parametrize("orientation", range(1, 9))
def test_astronaut_is_upright(shared_media, orientation):
    first, turned = (
        decode_image((shared_media / f"astronaut_exif{n}.jpg").read_bytes(), "astronaut")
        for n in (1, orientation)
    )
    assert turned.shape == first.shape
    assert np.abs(turned.astype(int) - first).mean() < 2


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_cost_the_picture():
    data = save(draw_scene(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f junk")
    assert_scene(decode_image(data, "camera.jpg"))


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_laid_over_white(format):
    image = draw_scene().convert("RGBA")
    image.paste((0, 0, 0, 0), (32, 0, 64, 24))
    image.paste((0, 0, 0, 0), (0, 24, 32, 48))
    assert_scene(decode_image(save(image, format, lossless=True), "alpha"))


def test_grey_with_alpha_and_palettes():
    grey = Image.new("LA", (64, 48), (255, 255))
    grey.paste((0, 255), (32, 24, 64, 48))
    grey.paste((90, 0), (0, 24, 32, 48))
    frame = decode_image(save(grey, "PNG"), "la.png")
    assert frame[40, 10].tolist() == [255] * 3 and frame[40, 50].tolist() == [0] * 3

    palette = draw_scene().quantize(8)
    assert_scene(decode_image(save(palette, "PNG"), "p.png"))
    white = palette.getpixel((50, 5))
    assert_scene(decode_image(save(palette, "GIF", transparency=white), "p.gif"))


@pytest.mark.parametrize("mode", ["1", "L"])
def test_grey_and_bilevel(mode):
    image = draw_scene().convert("L").point(lambda v: 255 if v > 128 else 0).convert(mode)
    frame = decode_image(save(image, "PNG"), "grey.png")
    assert frame[5, 50].tolist() == [255] * 3 and frame[40, 50].tolist() == [0] * 3


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk(format):
    # Pillow writes JPEGs as Adobe does, inverted and with Adobe's marker.
    data = save(
        draw_scene().convert("CMYK"), format, **({"quality": 95} if format == "JPEG" else {})
    )
    assert format == "TIFF" or b"Adobe" in data
    assert_scene(decode_image(data, "print"), tolerance=25)


def test_lab_tiff():
    to_lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    lab = ImageCms.applyTransform(draw_scene(), to_lab)
    assert_scene(decode_image(save(lab, "TIFF"), "lab.tif"), tolerance=25)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 32896, 65535]], np.uint16), [0, 128, 255]),
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0, 128, 255]], np.float32), [0, 128, 255]),
        (np.array([[0, np.nan, 1.0]], np.float32), [0, 0, 255]),
        (np.array([[-10.0, 0.0, 10.0]], np.float32), [0, 128, 255]),
        (np.array([[0, 1 << 20, 1 << 21]], np.int32), [0, 128, 255]),
        (np.array([[7, 7, 7]], np.int32), [7, 7, 7]),
    ],
)
def test_deep_grey_is_scaled(values, expected):
    data = save(Image.fromarray(values), "TIFF")
    frame = decode_image(data, "deep.tif")
    assert frame.shape == (1, 3, 3)
    assert frame[0, :, 0].tolist() == expected


def test_sixteen_bit_png():
    values = np.repeat(np.array([[0, 32896, 65535]], np.uint16), 4, axis=0)
    frame = decode_image(save(Image.fromarray(values), "PNG"), "deep.png")
    assert frame[0, :, 1].tolist() == [0, 128, 255]


def test_animation_gives_its_first_picture():
    second = Image.new("RGB", (64, 48), "blue")
    data = save(draw_scene(), "GIF", save_all=True, append_images=[second])
    assert_scene(decode_image(data, "moving.gif"))


def bomb_png(width, height) -> bytes:
    """A PNG of a few bytes that announces any size."""

    def chunk(kind, body):
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 100)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [9_000, 12_000, 60_000])
def test_small_file_that_decodes_to_a_huge_picture(side):
    with pytest.raises(MediaTooLargeError, match=r"bomb\.png has .* pixels, more than the 80 mill"):
        decode_image(bomb_png(side, side), "bomb.png")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_real_picture_with_too_many_pixels_is_refused_before_decoding():
    data = save(Image.new("1", (12_000, 12_000)), "TIFF", compression="group4")
    assert len(data) < 100_000
    with pytest.raises(MediaTooLargeError, match="12000x12000"):
        decode_image(data, "wall.tif")


def test_byte_and_pixel_limits():
    data = save(draw_scene(), "PNG")
    with pytest.raises(MediaTooLargeError, match="MB allowed"):
        decode_image(data, "big.png", MediaLimits(max_bytes=len(data) - 1))
    with pytest.raises(MediaTooLargeError, match="64x48"):
        decode_image(data, "big.png", MediaLimits(max_pixels=64 * 48 - 1))
    decode_image(data, "fits.png", MediaLimits(max_bytes=len(data), max_pixels=64 * 48))


@pytest.mark.parametrize(
    "format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "HEIF", "AVIF", "JPEG2000"]
)
@pytest.mark.parametrize("share", [0.03, 0.5])
def test_truncated_picture(format, share):
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    data = save(Image.fromarray(noise), format)
    cut = data[: max(20, int(len(data) * share))]
    with pytest.raises(UnreadableImageError, match=r"cut\.img is a damaged or incomplete picture"):
        decode_image(cut, "cut.img")


def encrypted_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("photo.jpg", save(draw_scene(), "JPEG"))
    data = bytearray(buffer.getvalue())
    data[6] |= 1  # the flag of an encrypted entry
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7\n1 0 obj\n", "is a PDF document"),
        (encrypted_zip(), "is a ZIP archive"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is an SVG drawing"),
        (b"<!DOCTYPE html><html></html>", "is a web page"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture"),
        (b"just some words " * 50, "is not a picture"),
        (bytes(5000), "is not a picture"),
    ],
)
def test_other_files_named_like_pictures(data, sentence):
    with pytest.raises(UnreadableImageError, match=sentence) as caught:
        decode_image(data, "holiday.jpg")
    text = str(caught.value)
    assert text.startswith("holiday.jpg ") and text.endswith(".") and "\n" not in text


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp4", "libx264"), ("avi", "mpeg4"), ("webm", "libvpx")]
)
def test_video_named_like_a_picture(tmp_path, suffix, codec):
    video = make_video(tmp_path / f"clip.{suffix}", codec=codec, num_frames=3)
    with pytest.raises(UnreadableImageError, match="is a video, not a picture"):
        decode_image(video.read_bytes(), "clip.jpg")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("C:\\Users\\me\\cat.png", "cat.png"),
        ("../../etc/passwd", "passwd"),
        ("a\x00b\x1b[31m\n.jpg", "ab[31m.jpg"),
        ("\u202egpj.exe", "gpj.exe"),
        ("", "The file"),
        ("Фото 1.jpg", "Фото 1.jpg"),
    ],
)
def test_names_are_safe_in_sentences(name, expected):
    assert safe_name(name) == expected


def test_long_names_are_shortened():
    assert len(safe_name("x" * 500 + ".jpg")) <= 61


@pytest.mark.parametrize(("format", "magic"), [("png", b"\x89PNG"), ("jpeg", b"\xff\xd8")])
def test_encode_and_decode_again(format, magic):
    scene = decode_image(save(draw_scene(), "PNG"), "scene.png")
    data = encode_image(scene, format)
    assert data.startswith(magic)
    assert_scene(decode_image(data, "again"))


def test_encode_refuses_what_it_cannot_do():
    frame = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(ValueError, match="format"):
        encode_image(frame, "gif")
    with pytest.raises(ValueError, match="quality"):
        encode_image(frame, "jpeg", quality=0)
    with pytest.raises(MediaTooLargeError, match="PNG"):
        encode_image(np.zeros((1, 70_000, 3), np.uint8), "jpeg")


def test_example_picture_is_an_upright_portrait():
    frame = example_image()
    assert frame.shape == (600, 512, 3) and frame.dtype == np.uint8
    blue_background, star_flag = frame[60:140, 440:500], frame[:, :20]
    assert blue_background[..., 0].mean() > blue_background[..., 2].mean()
    assert star_flag.std() > 30
