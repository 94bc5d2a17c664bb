"""What is done with endpoints and deliveries: lock, ask the rules, write, emit."""
