"""Writes answers as Google GenAI generateContent."""

from collections.abc import Iterator

from tests.clients.upstream.answer import CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, REASONING_TOKENS, Answer, Event, Json, pieces
from tests.clients.upstream.script import SIGNATURE, Call, FreeCall, Text, Think

USAGE = {
    "promptTokenCount": INPUT_TOKENS,
    "candidatesTokenCount": OUTPUT_TOKENS - REASONING_TOKENS,
    "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
    "thoughtsTokenCount": REASONING_TOKENS,
    "cachedContentTokenCount": CACHED_TOKENS,
}
TEXT_PIECE_CHARACTERS = 40


def response(answer: Answer) -> Json:
    return _chunk(_meta(answer), _parts(answer, whole=True), "STOP")


def stream(answer: Answer) -> Iterator[Event]:
    meta = _meta(answer)
    parts = _parts(answer, whole=False)
    for number, part in enumerate(parts, start=1):
        finished = number == len(parts) and not answer.empty_tail
        yield None, _chunk(meta, [part], "STOP" if finished else None)
    if answer.empty_tail:
        yield None, _chunk(meta, [{"text": ""}], "STOP")


def _meta(answer: Answer) -> Json:
    return {"modelVersion": answer.model, "responseId": answer.new_id("")}


def _chunk(meta: Json, parts: list[Json], finish: str | None) -> Json:
    candidate: Json = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": USAGE, **meta}


def _parts(answer: Answer, *, whole: bool) -> list[Json]:
    """The first call of an answer is signed, as Gemini 3 does."""
    parts: list[Json] = []
    signed = False
    for step in answer.steps:
        match step:
            case Text(text) | Think(text):
                flag = {"thought": True} if isinstance(step, Think) else {}
                texts = [text] if whole else pieces(text, TEXT_PIECE_CHARACTERS)
                parts += [{"text": piece, **flag} for piece in texts]
            case Call(name, arguments):
                part: Json = {"functionCall": {"name": name, "args": arguments, "id": answer.new_id("")[-8:]}}
                if not signed:
                    part["thoughtSignature"] = SIGNATURE
                    signed = True
                parts.append(part)
            case FreeCall():
                raise TypeError("the google wire declares no free-text tools")
    return parts
