"""HTTP serving: one face of the engine.

app        the Litestar application and its life
routes     paths and methods -> what is asked for, in which format
pipeline   one request for generation: body, key, peek, engine, reply
access     who may ask
reply      the ASGI side of an answer
failures   every error in the caller's own envelope
listing    models lists and token counts
page       the small page at /
server     uvicorn, and how it starts
"""
