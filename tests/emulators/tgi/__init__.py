"""A scripted text-generation-inference server on loopback: TGI 3.3.7's wire format without a model.

Real HTTP over a real socket, in a thread of its own::

    with FakeTgi(Script(tokens=[" Tokyo", "."], ttft_s=0.05, itl_s=0.01)) as tgi:
        requests.get(tgi.url + "/info")
        tgi.script.fault = "cut"  # from the next request on
        tgi.requests[-1].path, tgi.gone  # what came in; how many clients left before the end

It speaks `/`, `/generate`, `/generate_stream`, `/v1/chat/completions`, `/v1/completions`, `/v1/models`, `/tokenize`,
`/chat_tokenize`, `/info`, `/health`, `/ping` and `/metrics` with TGI's shapes, status codes, headers, error bodies,
authorization rules and server-sent events, keep-alive comments included.

Left out: any model (the answer is the script's, whatever is asked; a token of input is a word), sampling, `best_of`,
`top_n_tokens`, prefill details, grammars, tools, images, LoRA, the queue (only the fault "overloaded" refuses),
metrics beyond two counters, and the Vertex, SageMaker and KServe routes.

`script` is what a test sets, `wire` the shapes of answers, `stream` their pace and their breaking off, `server` the
routes.
"""

from emulators.tgi.script import Fault, Script
from emulators.tgi.server import FakeTgi, Received

__all__ = ["FakeTgi", "Fault", "Received", "Script"]
