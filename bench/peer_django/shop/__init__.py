"""The shop: products, carts, orders, payments and auctions."""
