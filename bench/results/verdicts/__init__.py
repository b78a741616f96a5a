"""What may be said of the claims: the ladder of rungs, the rules of the study, one verdict per claim and rung.

What enters is the claims of ``config/``, tidy results and the tables of the analyses; what leaves is `Verdict`s.
Never torch, never a picture.
"""
