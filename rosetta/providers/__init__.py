"""Who serves models, and what their servers and models accept: rows, not code.

catalog.vendor(name, base_url, format)                a provider of a config -> the Vendor behind it
models.dialect(format, vendor, model, overrides)      what one model accepts on one wire
models.formats(vendor, model, has_tools)              the wires that answer, the best first
"""
