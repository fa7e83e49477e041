"""JSON Schema in each target's dialect. Pure functions: the caller's schema is never changed, and equal input gives equal output, key order included.

Being written.
"""
