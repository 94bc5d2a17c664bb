"""Changes to the catalog: categories by admins, products and listings by their sellers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from marketcore.catalog.kinds import ListingKinds, listing_kinds
from marketcore.catalog.models import Category, Listing, Product
from marketcore.catalog.rules import check_parent, check_steered, derive_slug
from marketcore.events import ListingPublished
from marketcore.exceptions import Conflict, Invalid, NotFound

# Readers and sellers choosing a category go on; only another change of the tree waits.
_LOCK_TREE = text("LOCK TABLE categories IN SHARE ROW EXCLUSIVE MODE")
_TREE = text(
    """WITH RECURSIVE tree AS (
           SELECT id, parent_id, name, slug, ARRAY[lower(name), id::text] AS path FROM categories
           WHERE parent_id IS NULL
         UNION ALL
           SELECT c.id, c.parent_id, c.name, c.slug, path || ARRAY[lower(c.name), c.id::text]
           FROM categories c JOIN tree ON c.parent_id = tree.id)
       SELECT id, parent_id, name, slug FROM tree ORDER BY path"""
)
_WITH_ANCESTORS = text(
    """WITH RECURSIVE above AS (
           SELECT id, parent_id FROM categories WHERE id = :id
         UNION ALL
           SELECT c.id, c.parent_id FROM categories c JOIN above ON c.id = above.parent_id)
       SELECT id FROM above"""
)
# The partial unique index decides whether the product is on sale already, also between two sellers' tabs.
_PUBLISH = text(
    """INSERT INTO listings (product_id, seller_id, category_id, kind, currency, price_minor, quantity)
       VALUES (:product_id, :seller_id, :category_id, :kind, :currency, :price_minor, :quantity)
       ON CONFLICT (product_id) WHERE state <> 'closed' DO NOTHING
       RETURNING id"""
)
_FOREIGN_KEY_VIOLATION = "23503"


class CategoryService:
    """The tree of categories. Its changes are made one after the other."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def tree(self) -> list[Any]:
        """Return every category, each after its parent, siblings by name."""
        return list(self._session.execute(_TREE))

    def add(self, name: str, parent_id: int | None = None) -> int:
        """Add a category below ``parent_id``, or at the top, and return its id; its slug comes from its name."""
        self._session.execute(_LOCK_TREE)
        self._parent(parent_id)
        slugs = set(self._session.scalars(select(Category.slug)))
        category = Category(name=name, parent_id=parent_id, slug=derive_slug(name, slugs))
        self._session.add(category)
        self._session.flush()
        return category.id

    def change(self, category_id: int, change: Mapping[str, Any]) -> None:
        """Rename or move a category; ``Conflict`` if it would come to lie below itself."""
        self._session.execute(_LOCK_TREE)
        category = self.read(category_id)
        if "parent_id" in change:
            check_parent(category_id, self._parent(change["parent_id"]))
            category.parent_id = change["parent_id"]
        if change.get("top_level"):
            category.parent_id = None
        category.name = change.get("name", category.name)
        self._session.flush()

    def remove(self, category_id: int) -> None:
        """Delete a category; ``Conflict`` while it has categories, products or listings in it."""
        self._session.execute(_LOCK_TREE)
        self._session.delete(self.read(category_id))
        try:
            self._session.flush()
        except IntegrityError as error:
            if getattr(error.orig, "sqlstate", "") == _FOREIGN_KEY_VIOLATION:
                raise Conflict(f"category {category_id} is not empty: move what is in it first") from None
            raise

    def read(self, category_id: int) -> Category:
        """Return one category."""
        category: Category | None = self._session.get(Category, category_id)
        if category is None:
            raise NotFound(f"there is no category {category_id}")
        return category

    def _parent(self, parent_id: int | None) -> list[int]:
        ancestors = list(self._session.scalars(_WITH_ANCESTORS, {"id": parent_id}))
        if parent_id is not None and not ancestors:
            raise Invalid(errors={"parent_id": f"there is no category {parent_id}"})
        return ancestors


class ProductService:
    """Products of one seller at a time: to everybody else they are not there."""

    def __init__(self, session: Any, kinds: ListingKinds) -> None:
        self._session = session
        self._kinds = kinds

    def add(self, seller_id: int, title: str, description: str = "", category_id: int | None = None) -> int:
        """Add a product and return its id."""
        self._check_category(category_id)
        product = Product(seller_id=seller_id, title=title, description=description, category_id=category_id)
        self._session.add(product)
        self._session.flush()
        return product.id

    def change(self, seller_id: int, product_id: int, change: Mapping[str, Any]) -> None:
        """Change a product; its listings follow it into another category."""
        self._check_category(change.get("category_id"))
        product = self.lock(seller_id, product_id)
        if "category_id" in change:
            # Before the title, which locks the listing's words: who closes a listing locks it first and then these.
            listings = update(Listing).where(Listing.product_id == product_id)
            self._session.execute(listings.values(category_id=change["category_id"]))
        for name, value in change.items():
            setattr(product, name, value)
        self._session.flush()

    def archive(self, seller_id: int, product_id: int) -> None:
        """Take a product out of the catalog and close its listing. What was ordered keeps its titles.

        ``Conflict`` while it is on sale in a way that has to be ended by its own rules.
        """
        product = self._locked(seller_id, product_id)
        on_sale = select(Listing).where(Listing.product_id == product_id, Listing.state != "closed")
        for listing in self._session.scalars(_locked(on_sale)):
            check_steered(listing.kind, self._kinds.seller_steers(listing.kind))
            listing.state = "closed"
        product.state = "archived"
        self._session.flush()

    def check_owner(self, seller_id: int, product_id: int) -> None:
        """Raise ``NotFound`` unless ``product_id`` belongs to ``seller_id``; no lock is taken."""
        found = self._session.scalar(_owned(product_id, seller_id).with_only_columns(Product.id))
        _found(found, "product", product_id)

    def lock(self, seller_id: int, product_id: int) -> Product:
        """Return an active product with its row locked; ``Conflict`` if it is archived."""
        product = self._locked(seller_id, product_id)
        if product.state == "archived":
            raise Conflict(f"product {product_id} is archived")
        return product

    def _locked(self, seller_id: int, product_id: int) -> Product:
        product: Product = _found(self._session.scalar(_locked(_owned(product_id, seller_id))), "product", product_id)
        return product

    def _check_category(self, category_id: int | None) -> None:
        """Hold the category until the commit, so that it cannot be deleted meanwhile."""
        wanted = select(Category.id).where(Category.id == category_id).with_for_update(read=True, key_share=True)
        if category_id is not None and self._session.scalar(wanted) is None:
            raise Invalid(errors={"category_id": f"there is no category {category_id}"})


class ListingService:
    """Putting products on sale and taking them off."""

    def __init__(self, session: Any, emit: Callable[[Any], None], kinds: ListingKinds) -> None:
        self._session = session
        self._emit = emit
        self._kinds = kinds

    def publish(self, seller_id: int, product_id: int, kind: str, fields: Mapping[str, Any]) -> int:
        """Put a product on sale as ``kind`` with the kind's validated ``fields``; return the listing's id.

        ``Conflict`` if the product is on sale already, in whatever way, or archived.
        """
        # A shared lock keeps the product from being archived; rivals are left to the unique index.
        product = _found(self._session.scalar(_locked(_owned(product_id, seller_id), read=True)), "product", product_id)
        if product.state == "archived":
            raise Conflict(f"product {product_id} is archived")
        listing_id = self._insert(product, kind, fields)
        self._kinds.publish(kind, listing_id, fields)
        self._emit(ListingPublished(listing_id, kind))
        return listing_id

    def _insert(self, product: Product, kind: str, fields: Mapping[str, Any]) -> int:
        row = {"product_id": product.id, "seller_id": product.seller_id, "category_id": product.category_id}
        price = {"currency": fields["price"].currency, "price_minor": fields["price"].minor}
        listing_id: int | None = self._session.scalar(
            _PUBLISH, {**row, **price, "kind": kind, "quantity": fields.get("quantity", 1)}
        )
        if listing_id is None:
            raise Conflict(f"product {product.id} is already on sale: close that listing first")
        return listing_id

    def change(self, seller_id: int, listing_id: int, change: Mapping[str, Any]) -> None:
        """Change price, quantity or state; the currency stays, and a closed listing stays as it is."""
        listing = self.lock(seller_id, listing_id)
        if listing.state == "closed":
            raise Conflict(f"listing {listing_id} is closed: publish the product anew")
        if "price" in change:
            if change["price"].currency != listing.currency:
                raise Invalid(errors={"price.currency": f"must stay {listing.currency}"})
            listing.price_minor = change["price"].minor
        listing.quantity = change.get("quantity", listing.quantity)
        listing.state = change.get("state", listing.state)
        self._session.flush()

    def close(self, seller_id: int, listing_id: int) -> None:
        """Take a listing off for ever."""
        self.lock(seller_id, listing_id).state = "closed"
        self._session.flush()

    def lock(self, seller_id: int, listing_id: int) -> Listing:
        """Return a listing that its seller steers with its row locked; ``Conflict`` if its kind has its own rules."""
        owned = select(Listing).where(Listing.id == listing_id, Listing.seller_id == seller_id)
        listing: Listing = _found(self._session.scalar(_locked(owned)), "listing", listing_id)
        check_steered(listing.kind, self._kinds.seller_steers(listing.kind))
        return listing


def _owned(product_id: int, seller_id: int) -> Any:
    return select(Product).where(Product.id == product_id, Product.seller_id == seller_id)


def _locked(statement: Any, *, read: bool = False) -> Any:
    """Lock the rows and read them as they are once the lock is held, whatever was read before."""
    return statement.with_for_update(read=read).execution_options(populate_existing=True)


def _found(row: Any, noun: str, key: int) -> Any:
    if row is None:
        raise NotFound(f"you have no {noun} {key}")
    return row


def category_service(_context: Any, request: Any) -> CategoryService:
    """Build the service of ``request``."""
    return CategoryService(request.db)


def product_service(_context: Any, request: Any) -> ProductService:
    """Build the service of ``request``."""
    return ProductService(request.db, listing_kinds(request))


def listing_service(_context: Any, request: Any) -> ListingService:
    """Build the service of ``request``."""
    return ListingService(request.db, request.emit, listing_kinds(request))
