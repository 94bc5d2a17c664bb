from __future__ import annotations


def test_probe(paid):
    print(paid.invoice())
    print(paid.run_jobs())
    r = paid.buyer.get(f"/api/v1/orders/{paid.order_id}/invoice.pdf")
    print(r.headers, r.status_code)
    open("/tmp/inv-work/x.pdf", "wb").write(r.content)
    paid.give_back("100.00")
    print(paid.invoice())
    print(paid.numbers(), paid.numbers("credit_note"))
    assert 0
