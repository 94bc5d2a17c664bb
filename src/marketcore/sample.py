"""Sample data for a first look: accounts, categories, things on sale. Only for a marketplace without accounts."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy import text

from marketcore.addresses.places import Places
from marketcore.catalog.images import ImageService
from marketcore.catalog.services import CategoryService, ListingService, ProductService
from marketcore.directives import table
from marketcore.exceptions import ConfigurationError
from marketcore.money import Money
from marketcore.sample_pictures import STILLS, draw
from marketcore.settings import section

PEOPLE = (
    ("admin", "admin123", ("admin",)),
    ("seller1", "seller123", ("seller",)),
    ("seller2", "seller123", ("seller",)),
    ("buyer1", "buyer123", ("buyer",)),
    ("buyer2", "buyer123", ("buyer",)),
)
GOODS: tuple[tuple[str, str, str, str, int, int, tuple[int, int, int]], ...] = (
    ("seller1", "Crafts", "Kiondo basket", "Woven sisal with leather handles.", 1_850_00, 12, (176, 108, 60)),
    ("seller1", "Crafts", "Soapstone chess set", "Carved in Kisii, 32 pieces.", 6_400_00, 3, (120, 130, 140)),
    ("seller1", "Kitchen", "Olive wood salad spoons", "A pair, oiled.", 950_00, 40, (150, 120, 70)),
    ("seller2", "Clothing", "Kikoy towel", "Cotton, hand-finished fringes.", 1_200_00, 25, (60, 110, 160)),
    (
        "seller2",
        "Electronics",
        "Solar lantern",
        "Eight hours of light, charges telephones.",
        2_750_00,
        18,
        (220, 180, 60),
    ),
    ("seller2", "Electronics", "Refurbished phone", "6.1 inch, one year of warranty.", 14_999_00, 5, (50, 50, 60)),
)
# Seller, title, description, starting price, and how many minutes each runs; there is a still of each title.
LOTS = (
    (
        "seller1",
        "Ngoma drum from Kisumu",
        "Turned from one log of mvule, headed with goatskin.",
        4_000_00,
        20,
    ),
    (
        "seller2",
        "Kiondo basket, indigo bands",
        "Sisal, dyed with indigo, woven in Machakos.",
        1_200_00,
        55,
    ),
    ("seller1", "Burnished clay pot", "Thrown without a wheel and burnished with a pebble. 38 cm high.", 2_500_00, 180),
    ("seller2", "Calabash milk gourd", "A kibuyu, smoked and oiled, with two repairs in copper wire.", 900_00, 1_440),
    ("seller1", "Soapstone bowl from Tabaka", "Rose soapstone in one piece, 31 cm across, heavy.", 1_800_00, 4_320),
    ("seller2", "Brass coffee pot", "A dallah from Lamu, about 1920, tinned inside.", 6_500_00, 10_080),
)
# Country, province, city.
PLACES = (
    ("KE", "Nairobi", "Westlands"),
    ("KE", "Nairobi", "Karen"),
    ("KE", "Nairobi", "Embakasi"),
    ("KE", "Mombasa", "Nyali"),
    ("KE", "Mombasa", "Likoni"),
    ("KE", "Kisumu", "Ahero"),
    ("KE", "Kisumu", "Maseno"),
    ("KE", "Nakuru", "Naivasha"),
    ("KE", "Uasin Gishu", "Eldoret"),
)
_ADD = text(
    """INSERT INTO users (username, email, password_hash, roles) VALUES (:name, :email, :hash, :roles) RETURNING id"""
)
_ANYBODY = text("SELECT id FROM users LIMIT 1")


def load_sample(request: Any) -> list[str]:
    """Make the sample where nobody has an account yet; return a line for each thing made. Development only."""
    if section(request.registry, "marketcore")["environment"] != "development":
        raise ConfigurationError("sample accounts have known passwords: they exist in development only")
    if not is_empty(request):
        return []
    ids = {name: _person(request, name, password, roles) for name, password, roles in PEOPLE}
    categories = {name: _category(request, name) for name in dict.fromkeys(good[1] for good in GOODS)}
    for seller, category, title, description, price, stock, colour in GOODS:
        _offer(request, ids[seller], categories[category], title, description, price, stock, colour)
    made = [f"{name} / {password} ({', '.join(roles)})" for name, password, roles in PEOPLE]
    provinces, cities = request.find_service(Places).load(PLACES)
    made.append(f"{cities} cities in {provinces} provinces for addresses")
    on_sale = f"{len(GOODS)} products on sale in {len(categories)} categories"
    # Who enables auctions gets some; the core needs to know no more of them than what to publish.
    if "auction" not in table(request.registry, "listing kinds"):
        return [*made, on_sale]
    auctions = _category(request, "Auctions")
    for seller, title, description, price, minutes in LOTS:
        _put_up(request, ids[seller], auctions, title, description, price, minutes)
    return [*made, on_sale, f"{len(LOTS)} running auctions"]


def is_empty(request: Any) -> bool:
    """Whether nobody has an account yet: only then is there room for the sample."""
    return request.db.execute(_ANYBODY).first() is None


def _person(request: Any, name: str, password: str, roles: tuple[str, ...]) -> int:
    # Straight into the table: these passwords are far too well known to pass as anybody's.
    row = {"name": name, "email": f"{name}@example.test", "hash": request.registry["passwords"].hash(password)}
    user_id: int = request.db.execute(_ADD, {**row, "roles": list(roles)}).scalar_one()
    return user_id


def _category(request: Any, name: str) -> int:
    category_id: int = request.find_service(CategoryService).add(name)
    return category_id


def _offer(
    request: Any,
    seller_id: int,
    category_id: int,
    title: str,
    description: str,
    price: int,
    stock: int,
    colour: tuple[int, int, int],
) -> None:
    product_id = request.find_service(ProductService).add(seller_id, title, description, category_id)
    request.find_service(ImageService).upload(product_id, seller_id, _picture(title, colour))
    currency = section(request.registry, "marketcore")["default_currency"]
    offer = {"price": Money(price, currency), "quantity": stock}
    request.find_service(ListingService).publish(seller_id, product_id, "fixed_price", offer)


def _put_up(
    request: Any, seller_id: int, category_id: int, title: str, description: str, price: int, minutes: int
) -> None:
    product_id = request.find_service(ProductService).add(seller_id, title, description, category_id)
    request.find_service(ImageService).upload(product_id, seller_id, draw(STILLS[title]))
    currency = section(request.registry, "marketcore")["default_currency"]
    terms = {"price": Money(price, currency), "buy_now": Money(price * 6, currency), "duration_minutes": minutes}
    request.find_service(ListingService).publish(seller_id, product_id, "auction", terms)


def _picture(title: str, colour: tuple[int, int, int]) -> bytes:
    picture = Image.new("RGB", (640, 480), colour)
    ImageDraw.Draw(picture).text((40, 220), title, fill="white", font_size=48)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
