"""The photos page tells of a file's further pictures, which are not read."""

import io

import pytest
from PIL import Image

REST = "Picture 1 of 2 in this file; the others are not read."
GIF_NOTE = "Videos takes animations saved as GIF."


def join(format, *pngs):
    first, *others = (
        Image.open(io.BytesIO(png)).convert("RGB").resize((512, 600)) for png in pngs
    )  # an animation's pictures are of one size
    buffer = io.BytesIO()
    first.save(buffer, format, save_all=True, append_images=others)
    return buffer.getvalue()


@pytest.fixture
def upload(open_page):
    def upload_(name, data):
        app = open_page("photos")
        app.file_uploader(key="photo_upload").set_value([(name, data, "image/tiff")]).run()
        assert not app.exception and not app.error
        return app

    return upload_


def captions(app):
    return "\n".join(element.value for element in app.caption)


def test_blank_cover_page_is_told_in_the_message_too(upload, wall_png, portrait_png):
    app = upload("scan.tif", join("TIFF", wall_png, portrait_png))
    (message,) = (box.value for box in app.info)
    assert "No face was found" in message and REST in message
    assert "file of its own" in message and GIF_NOTE not in message
    assert REST in captions(app)


def test_further_pictures_are_told_below_the_first_with_its_faces(upload, wall_png, portrait_png):
    app = upload("scan.tif", join("TIFF", portrait_png, wall_png))
    assert REST in captions(app) and GIF_NOTE not in captions(app)
    assert not app.info


@pytest.mark.parametrize("format", ["GIF", "WEBP"])
def test_animations_lead_to_videos(upload, wall_png, portrait_png, format):
    app = upload(f"moves.{format.lower()}", join(format, wall_png, portrait_png))
    assert f"{REST} {GIF_NOTE}" in captions(app)
    assert GIF_NOTE in app.info[0].value


def test_a_single_picture_needs_no_note(upload, wall_png):
    app = upload("wall.png", wall_png)
    assert "in this file" not in captions(app) + app.info[0].value
