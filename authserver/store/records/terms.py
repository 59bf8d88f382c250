"""Which terms somebody accepted, and what they are asked on their way in."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from authserver.store.types import Base, Id, UtcDateTime


class TermsAcceptedRow(Base):
    """One for each version that a person said yes to."""

    __tablename__ = "terms_accepted"
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[str] = mapped_column(String(40), primary_key=True)
    accepted_at: Mapped[datetime] = mapped_column(UtcDateTime)
