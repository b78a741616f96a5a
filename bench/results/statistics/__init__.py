"""The statistics of the study: small, on numpy and scipy, and every function works on one case or on ten thousand.

Arrays carry cases in their leading axes and training seeds in the last one, so that the simulations which prove
the error rates (`bench.results.statistics.proof`) run the very code that judges evidence. A seed that diverged is NaN.
What enters: numbers per seed. What never does: plans, files, wording.
"""
