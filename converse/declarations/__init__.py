"""What operators and networks declare about themselves, read from their source as literals.

Imports no torch, so that a workflow can plan every row before PyTorch is loaded. Nothing is built here.
"""
