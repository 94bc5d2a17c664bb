"""What is asked of those who log in, and of those who are about to do what matters."""

from __future__ import annotations

from typing import Any

from marketcore.identity.admission import Login
from marketcore_two_factor.services.challenges import ChallengeService
from marketcore_two_factor.services.step_up import StepUpService


def hold_login(request: Any, login: Login) -> None:
    """Hold the login of somebody who has a second factor, or has to have one."""
    request.find_service(ChallengeService).hold(login)


def demand_proof(request: Any) -> None:
    """Refuse what matters to somebody who has a second factor and has not proved it lately in this session."""
    if request.identity is not None:
        request.find_service(StepUpService).demand(request.identity.user_id, request.identity.session_id)
