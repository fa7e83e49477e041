"""The intermediate representation: values only, between any two wire formats.

Everything here is an immutable ``msgspec.Struct``. Constructors do not validate: the decoding functions in
``rosetta.converters`` are the boundary. A value holds what a wire said and nothing it did not say: ``None`` and empty
tuples mean "the client did not say".

    Request   system, turns[] of parts[], tools[], settings        request.py
    Part      Text Refusal Media ToolCall ToolResult Reasoning …   parts.py
    Response  choices[] of parts[], finish, usage                  response.py
    Event     Start … BlockStart delta* BlockEnd … End | Failed    events.py
    Usage     one canonical record                                 usage.py
    Failure   an error, whoever made it                            errors.py
    Loss      what a conversion could not say                      loss.py

``at`` on a node is the place it came from, in the words of its own wire (``messages.3.content.0``), so that a Loss can
name it. ``extras`` holds unknown fields of the node's own wire, ``Opaque`` an unknown part.
"""
