"""One call to a model, whoever asks: the gateway and the SDK run the same engine.

engine       one configuration at work: admits calls, runs them, ends them
  admission    the limits of key, model and gateway: limits (per minute), concurrency (at once)
  lasting      what outlives a config: health, places, counters
run          the story of a call: plan, balance (who first), retry, the next target
  plan         which targets answer, in which format and dialect
  health       a circuit for each target;   session   which conversation a request belongs to
exchange     one attempt on its way: attempt (the request made ready), upstream (HTTP, the only importer of httpx), account (its sums for telemetry)
outlet       the client's side: head, body, pings;   watchdog   its clock
provider     a configured provider at run time: address, credentials, pool;   ollama, echo, counting, headers, policy, call
"""
