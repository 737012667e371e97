"""What the environment may ask for."""

import pytest

from models.serving.settings import (
    GRPC_PORT_VARIABLE,
    MEMORY_VARIABLE,
    MODELS_VARIABLE,
    PORT_VARIABLE,
    from_environment,
)


def test_the_port_comes_from_sagemaker_where_it_gives_one() -> None:
    assert from_environment({}).port == 8080
    assert from_environment({PORT_VARIABLE: "9000"}).port == 9000


def test_models_and_their_memory_can_be_chosen() -> None:
    assert from_environment({}).models is None
    chosen = from_environment({MODELS_VARIABLE: "full, fast,full", MEMORY_VARIABLE: "fast=7"})
    assert chosen.models == ("full", "fast")
    assert chosen.memory_mb["fast"] == 7
    assert chosen.memory_mb["full"] == from_environment({}).memory_mb["full"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *((PORT_VARIABLE, bad) for bad in ("", "http", "0", "70000")),
        (GRPC_PORT_VARIABLE, "x"),
        (MODELS_VARIABLE, "full,huge"),
        (MODELS_VARIABLE, " "),
        (MEMORY_VARIABLE, "full"),
        (MEMORY_VARIABLE, "huge=3"),
        (MEMORY_VARIABLE, "full=-3"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(ValueError, match=variable):
        from_environment({variable: value})
