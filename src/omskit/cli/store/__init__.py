"""``oms sync``, ``oms sql`` and ``oms store``: OMS on disk."""
