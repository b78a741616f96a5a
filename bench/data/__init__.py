"""Bytes on disk: data sets fetched, hashed and read; kernels; what protocols there are; the guard against leaks.

No byte is used without a hash. Nothing is degraded or scored here.
"""
