"""Between the protocol's tensors and texts, labels and scores."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from models.serving.errors import RequestError
from models.serving.rpc.inference_pb2 import ModelInferRequest, ModelInferResponse
from models.serving.wire import MOST_CHARACTERS, MOST_TEXTS

TEXT = "text"

_LENGTH = struct.Struct("<I")


def texts_of(request: ModelInferRequest) -> list[str]:
    """Return the texts of a request: one BYTES tensor `text` of shape [n] or [n, 1], in UTF-8.

    Raises:
        RequestError: it holds something else; the message names the field.
    """
    if [tensor.name for tensor in request.inputs] != [TEXT]:
        raise RequestError(f"inputs: must be the one tensor {TEXT!r}")
    tensor = request.inputs[0]
    if tensor.datatype != "BYTES":
        raise RequestError(f"{TEXT}: datatype must be BYTES")
    raw = list(request.raw_input_contents)
    if raw and (len(raw) != 1 or tensor.contents.bytes_contents):
        raise RequestError("raw_input_contents: must be one entry, in place of contents")
    elements = _elements(raw[0]) if raw else list(tensor.contents.bytes_contents)
    shape = list(tensor.shape)
    if shape not in ([len(elements)], [len(elements), 1]):
        raise RequestError(f"{TEXT}: shape {shape} does not fit {len(elements)} elements")
    if not 1 <= len(elements) <= MOST_TEXTS:
        raise RequestError(f"{TEXT}: must have 1 to {MOST_TEXTS} elements")
    return [_text(element, index) for index, element in enumerate(elements)]


def answer_of(
    request: ModelInferRequest, version: str, outputs: Sequence[tuple[str, str, list[int], Any]]
) -> ModelInferResponse:
    """Return a response with outputs of (name, datatype, shape, flat values).

    Only those that the request asks for, where it does; raw where its own input was.

    Raises:
        RequestError: it asks for an output that is not there.
    """
    wanted = [output.name for output in request.outputs] or [name for name, *_ in outputs]
    missing = set(wanted) - {name for name, *_ in outputs}
    if missing:
        raise RequestError(f"outputs: there is no {min(missing)!r}")
    response = ModelInferResponse(
        model_name=request.model_name, model_version=version, id=request.id
    )
    for name, datatype, shape, values in outputs:
        if name not in wanted:
            continue
        tensor = response.outputs.add(name=name, datatype=datatype, shape=shape)
        if request.raw_input_contents:
            response.raw_output_contents.append(_raw(datatype, values))
        elif datatype == "BYTES":
            tensor.contents.bytes_contents.extend(values)
        else:
            tensor.contents.fp32_contents.extend(values)
    return response


def _elements(raw: bytes) -> list[bytes]:
    """Each element follows its length in bytes, four of them, little-endian."""
    elements, place = [], 0
    while place < len(raw):
        start = place + _LENGTH.size
        end = start + (_LENGTH.unpack_from(raw, place)[0] if start <= len(raw) else 0)
        if start > len(raw) or end > len(raw):
            raise RequestError("raw_input_contents: cut off")
        elements.append(raw[start:end])
        place = end
    return elements


def _raw(datatype: str, values: Sequence[Any]) -> bytes:
    if datatype == "BYTES":
        return b"".join(_LENGTH.pack(len(value)) + value for value in values)
    return struct.pack(f"<{len(values)}f", *values)


def _text(element: bytes, index: int) -> str:
    try:
        text = element.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(f"{TEXT}[{index}]: not valid UTF-8") from error
    if not 1 <= len(text) <= MOST_CHARACTERS:
        raise RequestError(f"{TEXT}[{index}]: must have 1 to {MOST_CHARACTERS} characters")
    return text
