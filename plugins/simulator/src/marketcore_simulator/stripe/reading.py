"""Reading single objects and lists, the same for every resource."""

from collections.abc import Callable

from marketcore_simulator.stripe.calls import Call
from marketcore_simulator.stripe.gateway import Gateway
from marketcore_simulator.stripe.store import Document, page

Handler = Callable[..., Document]

#: Method, path, operation, handler called as handler(call, **ids).
Route = tuple[str, str, str, Handler]

_PAGING = ("limit", "starting_after", "ending_before", "created")


class Reading:
    """Make handlers that retrieve or list objects of one kind."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def one(self, kind: str, param: str) -> Handler:
        """Return a handler that retrieves by id."""

        def retrieve(call: Call, id: str) -> Document:
            self._gateway.ledger.settle()
            return self._gateway.store.get(kind, id, call.account, param)

        return retrieve

    def many(self, kind: str, *filters: str) -> Handler:
        """Return a handler that lists, newest first, by the given filters and the paging every list has."""

        def select(call: Call) -> Document:
            self._gateway.ledger.settle()
            call.params.only((*filters, *_PAGING))
            wanted = {name: call.params.text(name) for name in filters if name in call.params}
            return page(self._gateway.store.select(kind, call.account, **wanted), call.params, call.path)

        return select
