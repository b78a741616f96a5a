"""One of several workers computes on one thread: with two threads each, on as many cores, they wait for each other."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
