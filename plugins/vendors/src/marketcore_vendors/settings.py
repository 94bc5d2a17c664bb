"""``vendors.*``: the papers that vendors bring, and who may remove a profile."""

from __future__ import annotations

import re
from typing import Any

import colander

from marketcore.settings import Words

_KIND = re.compile(r"[a-z][a-z0-9_]{0,39}")
KINDS = ("identity", "business_registration", "tax_certificate", "address_proof")


def _are_kinds(node: colander.SchemaNode, kinds: list[str]) -> None:
    if wrong := [kind for kind in kinds if not _KIND.fullmatch(kind)]:
        raise colander.Invalid(node, f"{' '.join(wrong)}: a kind is at most 40 of a-z, 0-9 and '_'")
    if len(set(kinds)) < len(kinds):
        raise colander.Invalid(node, "names a kind twice")


class VendorSettings(colander.MappingSchema):
    """Verification and papers of vendors."""

    kyc_kinds = colander.SchemaNode(
        Words(), missing=list(KINDS), validator=_are_kinds, description="the kinds of papers that are reviewed here"
    )
    verification_requires = colander.SchemaNode(
        Words(), missing=[], description="kinds of papers that have to be approved before a vendor can be verified"
    )
    kyc_warn_days = colander.SchemaNode(
        colander.Integer(),
        missing=30,
        validator=colander.Range(0, 365),
        description="how many days before a paper expires its owner is told; 0: only when it has",
    )
    owners_may_delete = colander.SchemaNode(
        colander.Boolean(), missing=False, description="whether vendors remove their profile themselves"
    )

    def validator(self, node: colander.SchemaNode, given: dict[str, Any]) -> None:
        """Refuse to ask for papers that nobody can bring."""
        if unknown := [kind for kind in given["verification_requires"] if kind not in given["kyc_kinds"]]:
            refusal = colander.Invalid(node)
            refusal["verification_requires"] = f"{' '.join(unknown)} is not among vendors.kyc_kinds"
            raise refusal
