"""Pure decisions: where may be sent to, when the next try is, what each fact is called outside."""
