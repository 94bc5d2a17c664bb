"""What advertisements read and answer."""

from __future__ import annotations

import colander

from marketcore.catalog.schemas import payable
from marketcore.ledger.schemas import Amount
from marketcore.media.schemas import PrivateFileDocument
from marketcore.web.schema import (
    MoneyNode,
    PageQuery,
    Schema,
    choice,
    flag,
    key,
    listing,
    moment,
    nullable,
    page_of,
    text,
    whole,
)
from marketcore_escrow.rules import LONGEST_LINK, link_fault
from marketcore_escrow.states import AdvertisementState, ApplicationState, ProofState

STATES = tuple(map(str, AdvertisementState))
LARGEST = 2**31 - 1


class NewAdvertisement(Schema):
    """What is to be done, for how much in all, and for how many days from the moment it is paid for."""

    title = text(200, min_length=1)
    description = text(5000, min_length=1)
    budget = MoneyNode(validator=payable)
    days = whole(1, 3650, description="escrow.longest_days bounds it")


class StreamPosition(Schema):
    """Where the live channel stood when the document was read: `since` for a subscription."""

    epoch = nullable(text(36))
    offset = whole(0, 2**63 - 1)


class AdvertisementFields(Schema):
    """The part of an advertisement that changes. `free` is held and promised to nobody yet."""

    state = choice(*STATES)
    budget = MoneyNode()
    free = Amount()
    released = Amount()
    returned = Amount()
    contested = flag(description="the bank of whoever paid contests the budget: nothing moves")
    applications = whole(0, LARGEST)
    accepted = whole(0, LARGEST)
    funded_at = nullable(moment())
    ends_at = nullable(moment())
    ended_at = nullable(moment())


class ListedAdvertisement(AdvertisementFields):
    """An advertisement."""

    id = key()
    owner_id = key()
    owner = text(200)
    title = text(200)
    description = text(5000)
    days = whole(1, LARGEST)
    created_at = moment()


class AdvertisementDocument(ListedAdvertisement):
    """An advertisement: its owner pays for the purpose `advertisement` with its id as the reference."""

    stream = StreamPosition()


AdvertisementPage = page_of(ListedAdvertisement, "AdvertisementPage")


class AdvertisementQuery(PageQuery):
    """Which advertisements to list, newest first."""

    state = choice(*STATES, missing="open")
    owner_id = key(missing=None)


class NewApplication(Schema):
    """Why you."""

    message = text(2000, missing="")


class ShareBody(Schema):
    """How much of the budget is for whom."""

    application_id = key()
    share = MoneyNode(validator=payable)


class NewShares(Schema):
    """Whom to accept: all of them, or none where one cannot be."""

    shares = listing(ShareBody(name="share"), validator=colander.Length(1, 100))

    def validator(self, node: colander.SchemaNode, value: dict[str, list[dict[str, int]]]) -> None:
        """Refuse to accept one application twice."""
        ids = [share["application_id"] for share in value["shares"]]
        if len(set(ids)) < len(ids):
            refusal = colander.Invalid(node)
            refusal.add(colander.Invalid(node["shares"], "names an application twice"))
            raise refusal


class ReasonBody(Schema):
    """Why; the other side reads it."""

    reason = text(1000, min_length=1)


class OptionalReasonBody(Schema):
    """Why, if you want to say; the other side reads it."""

    reason = text(1000, missing="")


def _of_the_web(node: colander.SchemaNode, link: str) -> None:
    fault = link_fault(link)
    if fault:
        raise colander.Invalid(node, fault)


class NewProof(Schema):
    """Where in the web your work can be seen."""

    link = text(LONGEST_LINK, min_length=1, validator=_of_the_web)
    note = text(1000, missing="")


class DecisionBody(Schema):
    """Where a disputed share goes: `release` to the applicant, `return` to the budget, or `split`."""

    outcome = choice("release", "return", "split")
    to_applicant = MoneyNode(missing=None, description="with `split`: the applicant's part")
    reason = text(1000, min_length=1, description="what both sides are told")


class ListedApplication(Schema):
    """An application; `share` is what is held for it, `released` what was released of that, `fee` included."""

    id = key()
    advertisement_id = key()
    title = text(200)
    applicant_id = key()
    applicant = text(200)
    message = text(2000)
    state = choice(*map(str, ApplicationState))
    share = nullable(Amount())
    released = nullable(Amount())
    fee = nullable(Amount())
    commission_bp = nullable(whole(0, 10_000))
    due_at = nullable(moment(description="when the platform acts if nobody does"))
    disputed_by = nullable(key())
    created_at = moment()
    updated_at = moment()


class ProofDocument(Schema):
    """What an applicant shows: a link, or an image that only the two people concerned and admins can see."""

    id = key()
    link = nullable(text(LONGEST_LINK))
    image = nullable(PrivateFileDocument())
    note = text(1000)
    state = choice(*map(str, ProofState))
    reason = text(1000)
    created_at = moment()
    answered_at = nullable(moment())


class StepDocument(Schema):
    """One step of an application; without an actor the platform took it."""

    previous = choice("new", *map(str, ApplicationState))
    state = choice(*map(str, ApplicationState))
    actor_id = nullable(key())
    note = text(1000)
    at = moment()


class ApplicationDocument(ListedApplication):
    """An application with its proofs and its history, oldest first."""

    proofs = listing(ProofDocument(name="proof"))
    history = listing(StepDocument(name="step"))


ApplicationPage = page_of(ListedApplication, "ApplicationPage")


class ImageQuery(Schema):
    """Which size of the image."""

    variant = choice("large", "thumb", missing="large")


class AdvertisementNews(AdvertisementFields):
    """An advertisement, or an application for it, has taken a step."""

    advertisement_id = key()


class ApplicationNews(Schema):
    """An application of yours, or for an advertisement of yours, has taken a step."""

    advertisement_id = key()
    application_id = key()
    title = text(200)
    state = choice(*map(str, ApplicationState))
    share = nullable(Amount())
    released = nullable(Amount())
    note = text(2000)
