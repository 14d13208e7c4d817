"""Which outputs a request wants, in which order and form.

Always: each output once, and only those the model has.
Source: Triton's `extension_binary_data` (`binary_data` of an output goes before the request's
`binary_data_output`) and `extension_classification`.
"""

from __future__ import annotations

from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.interface import ModelInterface
from smallcraft.serve.protocol.messages import one_of, shown
from smallcraft.serve.protocol.opening import Opened
from smallcraft.serve.questions import WantedOutput

# Outputs that a model's most probable classes may be asked from.
CLASSIFIED = ("label", "labels", "probabilities")


def read_wanted(opened: Opened, interface: ModelInterface) -> tuple[WantedOutput, ...]:
    """The outputs that a request names; none when it names none and wants JSON, which means all.

    Raises:
        InvalidInputError: An output is unknown, named twice, or asked for in a form that it does not have.
    """
    entries = opened.content.get("outputs")
    parameters = opened.parameters
    is_binary = _truth(parameters, "binary_data_output") if parameters else False
    if not entries and (entries is None or type(entries) is list):
        return interface.all_binary if is_binary else ()
    if type(entries) is not list:
        raise InvalidInputError(
            f"outputs must be a list, got {shown(entries)}; "
            'write [{"name": "..."}], or leave it out for all'
        )
    wanted: dict[str, WantedOutput] = {}
    for entry in entries:
        output = _read_output(entry, interface, is_binary=is_binary)
        if output.name in wanted:
            raise InvalidInputError(f"output '{output.name}' must be named once, got it twice; drop one")
        wanted[output.name] = output
    return tuple(wanted.values())


def _read_output(entry: object, interface: ModelInterface, *, is_binary: bool) -> WantedOutput:
    if type(entry) is not dict or type(entry.get("name")) is not str:
        raise InvalidInputError(
            f'an output must be an object with a name, got {shown(entry)}; write {{"name": "..."}}'
        )
    name = entry["name"]
    if name not in interface.outputs:
        raise InvalidInputError(
            f"output {shown(name)} is not one of the model's; {one_of(name, interface.outputs)}; "
            "rename or drop it"
        )
    parameters = entry.get("parameters")
    if parameters is None:
        return (interface.binary if is_binary else interface.plain)[name]
    if type(parameters) is not dict:
        raise InvalidInputError(
            f"the parameters of output '{name}' must be a JSON object, got {shown(parameters)}; "
            "leave them out"
        )
    if "shared_memory_region" in parameters:
        raise InvalidInputError(
            f"output '{name}' can only come in the reply, got a shared memory region; drop that parameter"
        )
    if "binary_data" in parameters:
        is_binary = _truth(parameters, "binary_data")
    if "classification" in parameters:
        return WantedOutput(name, is_binary, _top(parameters, name, interface))
    return (interface.binary if is_binary else interface.plain)[name]


def _top(parameters: dict[str, object], name: str, interface: ModelInterface) -> int:
    top = parameters.get("classification", 0)
    if top == 0 and type(top) is int:
        return 0
    if type(top) is not int or top < 0 or name not in CLASSIFIED:
        offered = [output for output in CLASSIFIED if output in interface.outputs]
        place = f"output {' or '.join(map(repr, offered))}" if offered else "an output that has classes"
        raise InvalidInputError(
            f"classification must be a number of classes to name, of {place}, got {shown(top)} of '{name}'; "
            "leave it out for the output as it is"
        )
    return min(top, len(interface.facts.classes))


def _truth(parameters: object, name: str) -> bool:
    value = parameters.get(name, False) if isinstance(parameters, dict) else False
    if type(value) is not bool:
        raise InvalidInputError(f"{name} must be true or false, got {shown(value)}; write one of these")
    return value
