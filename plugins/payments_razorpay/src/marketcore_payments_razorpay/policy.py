"""What the payer's pages may load and run: their one script and style by hash, and nothing from anywhere else."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import urlsplit

#: Opens the checkout without a click; without scripts the button does.
SCRIPT = 'document.getElementById("checkout").submit();'
STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;margin:0;color:#1c2430;background:#f5f6f8}"
    "main{max-width:28rem;margin:12vh auto 0;padding:2rem;background:#fff;border-radius:.75rem;text-align:center;"
    "box-shadow:0 1px 6px rgba(20,30,50,.14)}h1{font-size:1.4rem;margin:0 0 .75rem}p{margin:.5rem 0}"
    ".amount{font-size:1.6rem;font-weight:600}.quiet{color:#5b6675;font-size:.9rem}"
    "button,.button{display:inline-block;margin-top:1rem;padding:.7rem 1.6rem;border:0;border-radius:.5rem;"
    "font:inherit;color:#fff;background:#1f5fd6;text-decoration:none;cursor:pointer}"
    "button:focus-visible,a:focus-visible{outline:3px solid #8db4ff;outline-offset:2px}"
)
#: Where Razorpay's own checkout may send a form on to.
_RAZORPAY = "https://*.razorpay.com"


def page_policy(form_to: str | None = None) -> str:
    """Return the Content-Security-Policy of a page; `form_to` is the address that its form is posted to."""
    parts = urlsplit(form_to) if form_to else None
    target = f"{parts.scheme}://{parts.netloc} {_RAZORPAY}" if parts else "'none'"
    script = f"'sha256-{_digest(SCRIPT)}'" if form_to else "'none'"
    return (
        f"default-src 'none'; script-src {script}; style-src 'sha256-{_digest(STYLE)}'; img-src data:; "
        f"form-action {target}; base-uri 'none'; frame-ancestors 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
