"""Images of products and people: what is taken in, what comes out, and what is refused before it is decoded."""

from __future__ import annotations

import io
import pathlib
import struct
import zlib
from typing import Any

import httpx
import pytest
from PIL import Image

from marketcore.directives import table
from marketcore.events import MediaProcessed
from marketcore.jobs.running import run_waiting
from marketcore.testing.market import Market
from marketcore.testing.shop import register

ONE_BYTE_TOO_MANY = 10_485_761


@pytest.fixture
def seller(market: Market) -> httpx.Client:
    return market.client(register(market, "seller")["access"])


@pytest.fixture
def product(seller: httpx.Client) -> int:
    return seller.post("/api/v1/products", json={"title": "Teapot"}).json()["id"]


def upload(http: httpx.Client, product: int, data: bytes, name: str = "teapot.jpg") -> httpx.Response:
    return http.post(f"/api/v1/products/{product}/images", files={"file": (name, data, "image/jpeg")})


def picture(kind: str = "JPEG", size: tuple[int, int] = (800, 600), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of some kilobytes that says it has ``width`` × ``height`` black pixels, and has them."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    row = b"\0" + b"\0" * ((width + 7) // 8)
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def files(market: Market) -> list[str]:
    folder = f"{market.settings['marketcore.data_dir']}/media"
    return sorted(str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_an_upload_becomes_small_public_images_and_is_gone(market, seller, product, kind):
    taken = upload(seller, product, picture(kind, (2000, 1000)))
    assert taken.status_code == 201, taken.text
    assert taken.json()["state"] == "processing"
    run_waiting(market.registry)
    image = seller.get(f"/api/v1/products/{product}").json()["images"][0]
    assert image["state"] == "ready"
    sizes = {}
    for variant in ("large", "thumb"):
        answer = seller.get(image[variant])
        assert answer.headers["content-type"] == "image/webp"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "immutable" in answer.headers["Cache-Control"]
        with Image.open(io.BytesIO(answer.content)) as shown:
            sizes[variant] = shown.size
    assert sizes == {"large": (1600, 800), "thumb": (320, 160)}
    assert [name for name in files(market) if name.startswith("incoming/")] == []


def test_nothing_but_pixels_is_kept(market, seller, product):
    exif = Image.Exif()
    exif[0x010E] = "Amina's kitchen"
    exif[0x0112] = 6  # to be turned by 90 degrees
    exif.get_ifd(0x8825)[1] = "S"
    upload(seller, product, picture("JPEG", (400, 200), exif=exif))
    run_waiting(market.registry)
    image = seller.get(f"/api/v1/products/{product}").json()["images"][0]
    with Image.open(io.BytesIO(seller.get(image["large"]).content)) as shown:
        assert shown.size == (200, 400)
        assert dict(shown.getexif()) == {}


def test_a_page_hidden_in_an_image_does_not_come_out(market, seller, product):
    polyglot = picture("GIF", (60, 40)) + b"<html><script>alert(1)</script></html>"
    assert upload(seller, product, polyglot).status_code == 201
    run_waiting(market.registry)
    image = seller.get(f"/api/v1/products/{product}").json()["images"][0]
    assert b"script" not in seller.get(image["large"]).content


def test_a_bomb_is_refused_by_its_header_alone(market, seller, product, monkeypatch):
    data = bomb(19_000, 19_000)
    assert len(data) < 100_000
    decoded = []
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda *_args: decoded.append(1))
    answer = upload(seller, product, data, "harmless.png")
    assert answer.status_code == 422
    assert "pixels" in answer.json()["errors"]["file"]
    assert decoded == []
    assert market.query("SELECT count(*) FROM media_objects")[0][0] == 0
    assert files(market) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("notes.jpg", b"these are words"),
        ("page.jpg", b"<!doctype html><html><script>alert(1)</script></html>"),
        ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
        ("empty.png", b""),
        ("paper.jpg", b"%PDF-1.7\n1 0 obj\n"),
        ("header-only.png", picture("PNG")[:20]),
        ("scan.jpg", picture("TIFF")),
    ],
)
def test_what_is_no_image_by_content_is_refused(market, seller, product, name, data):
    answer = upload(seller, product, data, name)
    assert answer.status_code == 422
    assert set(answer.json()["errors"]) == {"file"}
    assert market.query("SELECT count(*) FROM media_objects")[0][0] == 0
    assert files(market) == []


def test_an_image_that_breaks_off_ends_as_failed_and_the_job_is_done(market, seller, product):
    whole = picture("JPEG", (900, 700), quality=95)
    assert upload(seller, product, whole[: len(whole) // 3]).status_code == 201
    run_waiting(market.registry)
    image = seller.get(f"/api/v1/products/{product}").json()["images"][0]
    assert (image["state"], image["large"], image["thumb"]) == ("failed", None, None)
    assert market.query("SELECT count(*) FROM jobs")[0][0] == 0


def test_a_file_over_the_limit_is_refused(seller, product):
    assert upload(seller, product, b"\xff" * ONE_BYTE_TOO_MANY).status_code == 413


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\x.jpg", "/absolute.jpg", "a\x7f.jpg", "ж" * 300])
def test_names_of_uploads_mean_nothing(market, seller, product, name):
    assert upload(seller, product, picture(), name).status_code == 201
    assert all(path.startswith("incoming/") and len(path) == len("incoming/") + 32 for path in files(market))


@pytest.mark.parametrize("path", ["incoming/{key}", "../incoming/{key}", "{key}/../../../secret", "{key}/huge.webp"])
def test_private_uploads_and_other_files_are_not_served(market, seller, product, path):
    upload(seller, product, picture())
    key = market.query("SELECT key FROM media_objects")[0][0]
    assert seller.get(f"/media/{path.format(key=key)}").status_code == 404


def test_making_the_images_twice_changes_nothing(market, seller, product):
    taken = upload(seller, product, picture())
    make = table(market.registry, "jobs")["media.make_variants"].run
    market.perform(make, media_id=taken.json()["id"])
    before = files(market)
    market.perform(make, media_id=taken.json()["id"])
    run_waiting(market.registry)
    assert files(market) == before


def test_what_became_of_an_upload_is_a_fact_once(market, seller, product, monkeypatch):
    facts = []
    subscribers = table(market.registry, "event subscribers")
    monkeypatch.setitem(subscribers, "test", (MediaProcessed, lambda _request, fact: facts.append(fact)))
    good = upload(seller, product, picture()).json()["id"]
    bad = upload(seller, product, picture()[:2000]).json()["id"]
    run_waiting(market.registry)
    market.perform(table(market.registry, "jobs")["media.make_variants"].run, media_id=good)
    assert facts == [MediaProcessed(good, "ready"), MediaProcessed(bad, "failed")]


def test_B5_M4_a_product_has_at_most_ten_images_in_the_order_its_seller_gives(seller, product):
    ids = [upload(seller, product, picture("PNG", (20 + n, 20))).json()["id"] for n in range(10)]
    assert upload(seller, product, picture()).status_code == 409
    turned = ids[::-1]
    assert seller.put(f"/api/v1/products/{product}/images", json={"order": turned}).status_code == 200
    assert [image["id"] for image in seller.get(f"/api/v1/products/{product}").json()["images"]] == turned
    assert seller.put(f"/api/v1/products/{product}/images", json={"order": ids[:9]}).status_code == 422
    assert seller.delete(f"/api/v1/products/{product}/images/{ids[0]}").status_code == 204
    assert len(seller.get(f"/api/v1/products/{product}").json()["images"]) == 9


def test_another_sellers_product_takes_no_image(market, product):
    stranger = market.client(register(market, "seller")["access"])
    assert upload(stranger, product, picture()).status_code == 404
    assert files(market) == []


def test_files_without_a_row_are_swept_after_a_day(market, seller, product):
    upload(seller, product, picture())
    run_waiting(market.registry)
    market.registry["media_store"].put("incoming/" + "0" * 32, b"left behind")
    sweep = table(market.registry, "jobs")["media.sweep_orphans"].run
    market.perform(sweep)
    assert len(files(market)) == 3
    market.travel("25 hours")
    market.perform(sweep)
    assert len(files(market)) == 2
    assert all(path.startswith("images/") for path in files(market))


def test_B3_a_profile_picture_replaces_the_one_before(market):
    person = market.client(register(market, "buyer")["access"])
    for size in ((100, 100), (200, 100)):
        answer = person.post("/api/v1/users/me/picture", files={"file": ("me.png", picture("PNG", size), "image/png")})
        assert answer.status_code == 201, answer.text
        run_waiting(market.registry)
    assert market.query("SELECT count(*) FROM media_objects")[0][0] == 1
    assert person.get("/api/v1/users/me/picture").json()["width"] == 200
