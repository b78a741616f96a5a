"""The operator by kernels of our own on a CUDA device, compiled when a size first comes, for training-sized maps.

What may enter: CUDA C++ and what compiles, launches and trusts it; the setting of the operator. What never does: the
formula in Python (``converse.mathematics`` has it, and serves what this does not), layers, names of networks. Nothing
here runs on a machine without such a device; CI runs the kernels' source on a CPU.
"""
