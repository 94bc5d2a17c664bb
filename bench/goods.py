"""What both sides sell, in the words of SQL: the same products, prices, people and carts, in each side's tables."""

from __future__ import annotations

PRODUCTS = 100_000
AUCTIONS = 1_000
RESERVED_AUCTIONS = 20  # further ones, for workloads that need one of their own
USERS = 1_000  # the first SELLERS of them sell
SELLERS = 100
BUYERS = 8_000  # further users, each with a cart of two lines
CATEGORIES = 50
STOCK = 1_000_000
STEP = 100  # minor units between bids, and the price an auction begins with

_FIRST = """woven carved painted glazed knitted dyed polished beaded brass copper cedar ebony linen cotton woollen
silken leather clay stone marble amber ivory scarlet indigo olive golden silver ashen round square tall narrow wide
folding antique modern rustic coastal highland desert""".split()
_SECOND = """basket bowl stool blanket lamp mirror drum kettle platter vase rug shawl bracelet necklace sandal saddle
ladle chest cabinet curtain pillow teapot candle lantern notebook easel clock flute harp mask puppet quilt scarf
tunic apron wallet satchel hammock broom churn""".split()

ADJECTIVES = tuple(_FIRST)
NOUNS = tuple(_SECOND)

# Of the number ``i`` of a product. The price is in minor units; nothing correlates with anything else.
TITLE = (
    f"(ARRAY{list(ADJECTIVES)}::text[])[1 + i % {len(ADJECTIVES)}] || ' ' || "
    f"(ARRAY{list(NOUNS)}::text[])[1 + (i / {len(ADJECTIVES)}) % {len(NOUNS)}] || ' ' || i"
)
DESCRIPTION = "'Made by hand, number ' || i || '.'"
SELLER = f"1 + i % {SELLERS}"
CATEGORY = f"1 + (i * 7919::bigint / 13) % {CATEGORIES}"
PRICE_MINOR = "1000 + (i * 104729::bigint) % 990000"


def cart_lines(turn: int) -> tuple[str, str]:
    """Return the two products in the cart of buyer ``u`` in a round: of one seller, so that they make one order."""
    first = f"u % {SELLERS} + {SELLERS} * (11 + (u * 17 + {turn} * 101) % 486)"
    return first, f"u % {SELLERS} + {SELLERS} * (500 + (u * 29 + {turn} * 67) % 499)"
