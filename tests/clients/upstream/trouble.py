"""How each wire says that something went wrong: error bodies, and the error event within a stream."""

from tests.clients.upstream.answer import Event, Json, random_id

ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
GOOGLE_STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
OPENAI_TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    404: "invalid_request_error",
    429: "rate_limit_exceeded",
}
MIDWAY = "scripted trouble midway"


def error_body(wire: str, status: int, message: str = "scripted trouble") -> Json:
    if wire == "anthropic":
        error = {"type": ANTHROPIC_TYPES.get(status, "api_error"), "message": message}
        return {"type": "error", "error": error, "request_id": random_id("req_")}
    if wire == "google":
        return {"error": {"code": status, "message": message, "status": GOOGLE_STATUSES.get(status, "INTERNAL")}}
    code = "rate_limit_exceeded" if status == 429 else None
    return {"error": {"message": message, "type": OPENAI_TYPES.get(status, "server_error"), "param": None, "code": code}}


def midway_event(wire: str) -> Event:
    match wire:
        case "anthropic":
            return "error", {"type": "error", "error": {"type": "overloaded_error", "message": MIDWAY}}
        case "google":
            return None, error_body("google", 503, MIDWAY)
        case "responses":
            error = {"code": "server_error", "message": MIDWAY}
            failed = {"id": random_id("resp_"), "object": "response", "status": "failed", "error": error, "output": []}
            return "response.failed", {"type": "response.failed", "sequence_number": 9, "response": failed}
    return None, {"error": {"message": MIDWAY, "type": "server_error", "param": None, "code": 500}}
