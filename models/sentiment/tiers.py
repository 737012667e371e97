"""The tiers behind one interface: what each is called, what it says of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from customerai.domain.analysis import RequestedTier
from models.artifacts import ArtifactError

if TYPE_CHECKING:
    from customerai_static import StaticSentiment
    from models.sentiment.aspects import TaggedText

ARTIFACTS = Path(__file__).parent / "artifact"
"""The encoder's artefacts, a folder for each tier that has one."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """A loaded tier."""

    version: str
    """Name of the model version that answers; a cascade names all of its own."""

    probabilities: Callable[[Sequence[str]], npt.NDArray[np.float64]]
    """Calibrated probabilities (n, 3) of n texts; columns negative, neutral, positive."""

    close: Callable[[], None]
    """Finish what is running and let go of threads."""

    tag: Callable[[Sequence[str]], list[TaggedText]] | None = None
    """What the token head says of texts; None where the tier finds no aspects."""


def load_tier(
    tier: RequestedTier, *, folder: Path | None = None, workers: int | None = None
) -> Classifier:
    """Load a tier.

    Args:
        tier: which one.
        folder: the tier's artefact; the one that comes with this repository by default. A cascade
            takes it as that of its encoder.
        workers: threads of an encoder; one for each CPU by default.

    Raises:
        ArtifactError: the tier's artefact is absent, incomplete or altered.
    """
    if tier is RequestedTier.STATIC:
        return _static(folder)
    if tier is RequestedTier.CASCADE:
        return _cascade(folder or ARTIFACTS / RequestedTier.FULL, workers)
    return _encoder(folder or ARTIFACTS / tier, workers)


def _encoder(folder: Path, workers: int | None) -> Classifier:
    from models.sentiment.predictor import SentimentPredictor

    predictor = SentimentPredictor.load(folder, workers=workers)

    def tag(texts: Sequence[str]) -> list[TaggedText]:
        return predictor.tag(texts)[1]

    return Classifier(
        predictor.version,
        predictor.probabilities,
        predictor.close,
        tag if predictor.finds_aspects else None,
    )


def _static(folder: Path | None) -> Classifier:
    static = _load_static(folder)
    return Classifier(static.version, static.probabilities, lambda: None)


def _cascade(encoder: Path, workers: int | None) -> Classifier:
    from models.sentiment import cascade
    from models.sentiment.predictor import SentimentPredictor

    static = _load_static(None)
    full = SentimentPredictor.load(encoder, workers=workers)
    sure_above = static.sure_above_beside(full.version)

    def probabilities(texts: Sequence[str]) -> npt.NDArray[np.float64]:
        return cascade.answer(texts, static.probabilities, full.probabilities, sure_above)

    return Classifier(f"{static.version}+{full.version}", probabilities, full.close)


def _load_static(folder: Path | None) -> StaticSentiment:
    from customerai_static import StaticSentiment
    from customerai_static.artifact import ARTIFACT, StaticArtifactError

    try:
        return StaticSentiment.load(folder or ARTIFACT)
    except StaticArtifactError as error:
        raise ArtifactError(str(error)) from error
