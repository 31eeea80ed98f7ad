"""``python -m omskit`` is ``oms``."""

from omskit.cli import main

if __name__ == "__main__":
    main()
