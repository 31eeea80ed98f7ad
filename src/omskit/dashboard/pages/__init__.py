"""The pages, one module each: from an address and an `Asker` to a `Page`."""
