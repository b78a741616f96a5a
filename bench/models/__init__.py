"""A network built, loaded, applied to an image of any size, timed.

What enters is a run's specification or a state dict; what leaves is a network, a restored image or a time. Scores are
`bench.scoring`'s, the networks' own definitions are `converse.models`'.
"""
