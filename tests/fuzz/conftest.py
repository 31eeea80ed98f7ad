"""What pytest must not take for tests."""

collect_ignore_glob = ["fuzz_*.py"]  # programs that test_atheris.py runs
