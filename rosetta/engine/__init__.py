"""One call to a model, whoever asks: the gateway and the SDK run the same engine.

provider    a configured provider at run time: address, credentials, formats, pool
upstream    the HTTP transport, the only importer of httpx
echo        the model that always answers, an upstream inside the process
headers     what of the client's headers goes up, what of the upstream's comes down
plan        which targets answer a request, in which format and dialect
call        one client request and what became of it
attempt     one try at one target: relay or convert, unary or stream
watchdog    time: first token, idle, total, head hold, pings
engine      the story: plan, attempt, fall back, pump
"""
