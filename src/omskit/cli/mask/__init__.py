"""``oms mask``: certification files shown, combined, compared, checked and made."""
