"""What was measured, as tidy data, and what may be said of it: records, means, tests, rankings, captions, views.

What enters is ``runs.csv`` and ``metrics.csv`` of this machine and of published evidence; what leaves has its seeds,
protocol and machine beside it. Never torch, never a picture, never a format.
"""
