"""Provinces and their cities, and the addresses of people."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, CreatedAt, Key


class Province(Base):
    """A province, county, state or division of a country."""

    __tablename__ = "provinces"
    __table_args__ = (
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country_code"),
        Index("uq_provinces_country_name", "country", text("lower(name)"), unique=True),
    )

    id: Mapped[Key]
    country: Mapped[str] = mapped_column(String(2))
    name: Mapped[str] = mapped_column(String(100))


class City(Base):
    """A city or town of a province."""

    __tablename__ = "cities"
    __table_args__ = (Index("uq_cities_province_id_name", "province_id", text("lower(name)"), unique=True),)

    id: Mapped[Key]
    province_id: Mapped[int] = mapped_column(ForeignKey("provinces.id"))
    name: Mapped[str] = mapped_column(String(100))


class Address(Base):
    """Somewhere that somebody has things sent to.

    It lies in a known city, or says itself in which: where a country's cities are not known. Of somebody's
    addresses exactly one is the default; the index keeps a second one out.
    """

    __tablename__ = "addresses"
    __table_args__ = (
        CheckConstraint(
            "CASE WHEN city_id IS NULL THEN city <> '' AND country ~ '^[A-Z]{2}$' "
            "ELSE city = '' AND region = '' AND country = '' END",
            name="one_place",
        ),
        Index("ix_addresses_user_id_id", "user_id", "id"),
        Index("uq_addresses_default", "user_id", unique=True, postgresql_where=text("is_default")),
    )

    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    label: Mapped[str] = mapped_column(String(50), server_default="")
    name: Mapped[str] = mapped_column(String(100))
    phone: Mapped[str] = mapped_column(String(20), server_default="")
    line1: Mapped[str] = mapped_column(String(200))
    line2: Mapped[str] = mapped_column(String(200), server_default="")
    postal_code: Mapped[str] = mapped_column(String(20), server_default="")
    city_id: Mapped[int | None] = mapped_column(ForeignKey("cities.id"), index=True)
    city: Mapped[str] = mapped_column(String(100), server_default="")
    region: Mapped[str] = mapped_column(String(100), server_default="")
    country: Mapped[str] = mapped_column(String(2), server_default="")
    is_default: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[CreatedAt]
