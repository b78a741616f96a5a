"""Batches and the loop: what a network sees at a step is a function of seed and step alone.

A change here that moves a number raises ``TRAIN_VERSION``. No test image ever enters; files are written by the stage.
"""
