"""Things."""

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from marketcore.db.base import Base, Key
from marketcore.identity.models import User


class Thing(Base):
    __tablename__ = "good_things"

    id: Mapped[Key]
    keeper_id: Mapped[int | None] = mapped_column(ForeignKey(User.id))
    name: Mapped[str] = mapped_column(String(40))
