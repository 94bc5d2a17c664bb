"""Pictures of every kind a camera or a program makes, read and made anew."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from marketcore.exceptions import Invalid
from marketcore.media.imaging import Unreadable, make_variants, read_header

SIZES = {"large": 100, "thumb": 10}
RED, BLUE = (255, 0, 0), (0, 0, 255)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def shown(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(make_variants(data, SIZES)["large"].data))


def near(pixel: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return all(abs(got - want) < 12 for got, want in zip(pixel, wanted, strict=True))


def test_a_picture_smaller_than_a_variant_is_not_blown_up():
    made = make_variants(saved(Image.new("RGB", (30, 20), RED), "PNG"), SIZES)
    assert [(v.width, v.height) for v in made.values()] == [(30, 20), (10, 7)]


def test_of_an_animation_the_first_frame_is_shown():
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, BLUE)]
    for kind in ("GIF", "WEBP", "PNG"):
        with shown(saved(frames[0], kind, save_all=True, append_images=frames[1:])) as picture:
            assert getattr(picture, "n_frames", 1) == 1
            assert near(picture.convert("RGB").getpixel((10, 10)), RED)


def test_transparency_is_kept():
    clear = Image.new("RGBA", (20, 20), (*RED, 0))
    for data in (saved(clear, "PNG"), saved(clear.quantize(), "PNG"), saved(clear, "WEBP")):
        with shown(data) as picture:
            assert picture.convert("RGBA").getpixel((10, 10))[3] == 0


def test_prints_greys_and_deep_colours_are_shown_as_they_look():
    middle = (128, 128, 128)
    for image, kind in (
        (Image.new("CMYK", (20, 20), (0, 0, 0, 127)), "JPEG"),
        (Image.new("L", (20, 20), 128), "JPEG"),
        (Image.new("LA", (20, 20), (128, 255)), "PNG"),
        (Image.new("I;16", (20, 20), 128 * 256), "PNG"),
        (Image.new("RGB", (20, 20), middle).quantize(), "PNG"),
    ):
        with shown(saved(image, kind)) as picture:
            assert near(picture.convert("RGB").getpixel((10, 10)), middle), image.mode


def test_a_photograph_of_several_pictures_counts_as_jpeg():
    pair = saved(
        Image.new("RGB", (20, 20), RED), "MPO", save_all=True, append_images=[Image.new("RGB", (20, 20), BLUE)]
    )
    assert read_header(pair, 1000).content_type == "image/jpeg"
    with shown(pair) as picture:
        assert near(picture.convert("RGB").getpixel((10, 10)), RED)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "AVIF"])
def test_one_pixel_over_the_limit_is_one_too_many(kind):
    data = saved(Image.new("RGB", (100, 101)), kind)
    assert read_header(data, 10_100).height == 101
    with pytest.raises(Invalid) as refusal:
        read_header(data, 10_099)
    assert refusal.value.errors == {"file": "has more than 10099 pixels"}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_pixels_that_cannot_be_decoded_are_unreadable_and_nothing_else(kind):
    """Every way a file can break off has to end in the one refusal that the job knows."""
    whole = saved(Image.linear_gradient("L").convert("RGB"), kind)
    for cut in range(0, len(whole) - 12, max(1, len(whole) // 40)):
        try:
            make_variants(whole[:cut], SIZES)
        except Unreadable:
            continue
        assert cut > len(whole) // 2, f"{cut} of {len(whole)} bytes were taken for a picture"


def test_nothing_of_where_and_by_whom_it_was_taken_is_kept():
    exif = Image.Exif()
    exif[0x010E], exif[0x0132] = "Amina in her kitchen", "2026:01:31 12:00:00"
    exif.get_ifd(0x8825).update({1: "S", 2: (1.0, 17.0, 31.0), 3: "E", 4: (36.0, 49.0, 0.0)})
    photo = saved(
        Image.new("RGB", (60, 40), RED), "JPEG", exif=exif, comment=b"serial 12345", icc_profile=b"profile of a camera"
    )
    assert b"Amina" in photo
    for variant in make_variants(photo, SIZES).values():
        assert not any(
            word in variant.data for word in (b"Amina", b"2026", b"serial", b"profile", b"EXIF", b"XMP", b"ICCP")
        )
        with Image.open(io.BytesIO(variant.data)) as picture:
            assert dict(picture.getexif().get_ifd(0x8825)) == {}


@pytest.mark.parametrize("size", [(1301, 350), (350, 1301), (1999, 1999), (20_000, 1), (1, 20_000)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "1"])
def test_large_pictures_keep_their_shape_and_colours_down_to_the_last_row(size, mode):
    halves = Image.new("RGB", size, (255, 255, 255))
    halves.paste((0, 0, 0), (0, 0, size[0] // 2, size[1]) if size[0] >= size[1] else (0, 0, size[0], size[1] // 2))
    with shown(saved(halves.convert(mode), "PNG")) as picture:
        width, height = picture.size
        assert max(picture.size) == 100
        assert abs(width * size[1] - height * size[0]) <= max(size) * 2 or min(picture.size) == 1
        plain = picture.convert("RGB")
        assert near(plain.getpixel((0, 0)), (0, 0, 0))
        assert near(plain.getpixel((width - 1, height - 1)), (255, 255, 255))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_large_picture_is_turned_upright(kind):
    exif = Image.Exif()
    exif[0x0112] = 8
    with shown(saved(Image.new("RGB", (900, 300), RED), kind, exif=exif)) as picture:
        assert picture.size in ((33, 100), (34, 100))
