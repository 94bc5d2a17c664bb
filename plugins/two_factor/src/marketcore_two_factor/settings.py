"""``two_factor.*``: who needs a second factor, and how often it may be tried."""

from __future__ import annotations

import colander

from marketcore.directives import ROLES
from marketcore.settings import Words


def _whole(missing: int, least: int, most: int, description: str) -> colander.SchemaNode:
    return colander.SchemaNode(
        colander.Integer(), missing=missing, validator=colander.Range(least, most), description=description
    )


def _roles(node: colander.SchemaNode, given: list[str]) -> None:
    if unknown := sorted(set(given) - ROLES):
        raise colander.Invalid(node, f"{' '.join(unknown)} is no role: use some of {' '.join(sorted(ROLES))}")


class TwoFactorSettings(colander.MappingSchema):
    """Codes, tries and proofs."""

    required_roles = colander.SchemaNode(
        Words(),
        missing=(),
        validator=_roles,
        description="who of these has set up no factor is asked for a code by e-mail",
    )
    step_up_for_all = colander.SchemaNode(
        colander.Boolean(),
        missing=False,
        description="whether those without a factor, too, need a code by e-mail before what matters",
    )
    issuer = colander.SchemaNode(
        colander.String(),
        missing="",
        validator=colander.Length(max=60),
        description="how authenticator apps call the marketplace; left out, it is notifications.site_name",
    )
    code_minutes = _whole(10, 1, 10, "how long a code sent by e-mail can be used")
    codes_per_hour = _whole(3, 1, 10, "codes sent to one account within an hour")
    tries = _whole(5, 1, 10, "wrong codes of one account before it has to wait")
    wait_minutes = _whole(60, 1, 1440, "minutes that wrong codes count, from the first of them on")
    challenge_minutes = _whole(10, 1, 30, "how long the second step of a login may take")
    proof_minutes = _whole(10, 1, 10, "how long a proof counts for what asks for one")
