"""TGI's rules about values, with TGI's texts (``router/src/validation.rs``), in TGI's order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zephyr_deploy.engines.llamacpp.gateway.errors import invalid

if TYPE_CHECKING:
    from zephyr_deploy.engines.llamacpp.gateway.schema import GenerateRequest, Parameters
    from zephyr_deploy.engines.llamacpp.settings import ServiceSettings


def check_request(request: GenerateRequest, settings: ServiceSettings) -> None:
    """Check everything that needs no tokenizer.

    Raises:
        ApiError: The first rule that the request breaks (422).
    """
    parameters = request.parameters
    _check_best_of(parameters, settings)
    _check_sampling(parameters)
    if parameters.max_new_tokens == 0:
        raise invalid("`max_new_tokens` must be strictly positive")
    _check_lists(parameters, settings)
    if not request.inputs:
        raise invalid("`inputs` cannot be empty")
    limit = settings.max_input_tokens
    if parameters.truncate is not None and not 0 < parameters.truncate <= limit:
        raise invalid(f"`truncate` must be strictly positive and less than {limit}. Given: {parameters.truncate}")
    _check_unsupported(parameters)


def check_stream(parameters: Parameters) -> None:
    """Check what TGI refuses in streams only.

    Raises:
        ApiError: The rule that the request breaks (422).
    """
    if parameters.best_of not in (None, 1):
        raise invalid("`best_of` != 1 is not supported when streaming tokens")
    if parameters.decoder_input_details:
        raise invalid("`decoder_input_details` == true is not supported when streaming tokens")


def new_tokens(parameters: Parameters, input_length: int, settings: ServiceSettings) -> int:
    """How many tokens to generate at most, once the prompt's length is known.

    TGI lets more than 1024 pass its check of the total and ends early; here the total is always checked.

    Raises:
        ApiError: Prompt or total is too long (422).
    """
    total = settings.max_total_tokens
    asked = parameters.max_new_tokens
    wanted = max(total - input_length, 0) if asked is None else asked
    if input_length + wanted > total:
        raise invalid(
            f"`inputs` tokens + `max_new_tokens` must be <= {total}. "
            f"Given: {input_length} `inputs` tokens and {wanted} `max_new_tokens`"
        )
    if input_length > settings.max_input_tokens:
        raise invalid(f"`inputs` must have less than {settings.max_input_tokens} tokens. Given: {input_length}")
    return wanted


def _check_best_of(parameters: Parameters, settings: ServiceSettings) -> None:
    best_of = 1 if parameters.best_of is None else parameters.best_of
    if settings.max_best_of == 1 and best_of != 1:
        raise invalid("`best_of` != 1 is not allowed for this endpoint")
    if not 0 < best_of <= settings.max_best_of:
        raise invalid(f"`best_of` must be > 0 and <= {settings.max_best_of}. Given: {best_of}")
    warped = (parameters.temperature, parameters.top_k, parameters.top_p, parameters.typical_p)
    if best_of > 1 and not parameters.do_sample and all(value is None for value in warped):
        raise invalid("you must use sampling when `best_of` is > 1")
    if best_of > 1 and parameters.seed is not None:
        raise invalid("`seed` must not be set when `best_of` > 1")


def _check_sampling(parameters: Parameters) -> None:
    if parameters.temperature is not None and not parameters.temperature > 0:
        raise invalid("`temperature` must be strictly positive")
    if parameters.repetition_penalty is not None and not parameters.repetition_penalty > 0:
        raise invalid("`repetition_penalty` must be strictly positive")
    if parameters.frequency_penalty is not None and not -2 <= parameters.frequency_penalty <= 2:  # noqa: PLR2004
        raise invalid("`frequency_penalty` must be >= -2.0 and <= 2.0")
    if parameters.top_p is not None and not 0 < parameters.top_p < 1:
        raise invalid("`top_p` must be > 0.0 and < 1.0")
    if parameters.typical_p is not None and not 0 < parameters.typical_p < 1:
        raise invalid("`typical_p` must be > 0.0 and < 1.0")
    if parameters.top_k is not None and parameters.top_k <= 0:
        raise invalid("`top_k` must be strictly positive")


def _check_lists(parameters: Parameters, settings: ServiceSettings) -> None:
    most = settings.max_stop_sequences
    if len(parameters.stop) > most:
        raise invalid(f"`stop` supports up to {most} stop sequences. Given: {len(parameters.stop)}")
    most = settings.max_top_n_tokens
    if (parameters.top_n_tokens or 0) > most:
        raise invalid(f"`top_n_tokens` must be >= 0 and <= {most}. Given: {parameters.top_n_tokens}")


def _check_unsupported(parameters: Parameters) -> None:
    if parameters.watermark:
        raise invalid("`watermark` is not supported by the llama.cpp engine")
    if parameters.adapter_id is not None:
        raise invalid("`adapter_id` is not supported: this service has no adapters")
