"""Sample data for a first look: accounts, categories, products on sale. Only for a marketplace without accounts."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy import text
from zope.sqlalchemy import mark_changed

from marketcore.catalog.images import ImageService
from marketcore.catalog.services import CategoryService, ListingService, ProductService
from marketcore.exceptions import ConfigurationError
from marketcore.money import Money
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
    return [*made, f"{len(GOODS)} products on sale in {len(categories)} categories"]


def is_empty(request: Any) -> bool:
    """Whether nobody has an account yet: only then is there room for the sample."""
    return request.db.execute(_ANYBODY).first() is None


def _person(request: Any, name: str, password: str, roles: tuple[str, ...]) -> int:
    # Straight into the table: these passwords are far too well known to pass as anybody's.
    row = {"name": name, "email": f"{name}@example.test", "hash": request.registry["passwords"].hash(password)}
    user_id: int = request.db.execute(_ADD, {**row, "roles": list(roles)}).scalar_one()
    mark_changed(request.db)
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


def _picture(title: str, colour: tuple[int, int, int]) -> bytes:
    picture = Image.new("RGB", (640, 480), colour)
    ImageDraw.Draw(picture).text((40, 220), title, fill="white", font_size=48)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
