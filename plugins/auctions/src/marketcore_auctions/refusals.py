"""Why a bid, or something else asked of an auction, is refused."""

from __future__ import annotations

from marketcore.exceptions import Conflict


class BidTooLow(Conflict):
    """Less than the next minimum, which ``next_minimum`` tells."""

    code, title = "bid-too-low", "This bid is too low"


class AuctionClosed(Conflict):
    """Its time is up, or it has ended in another way."""

    code, title = "auction-closed", "This auction is over"


class AuctionNotStarted(Conflict):
    """It begins at ``starts_at``."""

    code, title = "auction-not-started", "This auction has not begun"


class AuctionPaused(Conflict):
    """Whoever holds its clock has stopped it."""

    code, title = "auction-paused", "This auction is paused"


class AuctionRunning(Conflict):
    """Its clock is not stopped."""

    code, title = "auction-running", "This auction is running"


class OwnAuction(Conflict):
    """Sellers do not bid on what they sell."""

    code, title = "own-auction", "This auction is your own"


class HasBids(Conflict):
    """What would be fair only while nobody has bid."""

    code, title = "auction-has-bids", "There are bids already"


class TooLateToRetract(Conflict):
    """So near to the end, bids stand."""

    code, title = "too-late-to-retract", "Bids can no longer be retracted"
