"""The data sources the model can learn from, and the terms that come with each.

The data itself is never part of this repository: the training command reads it from a folder given
on the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CommercialUse(StrEnum):
    """What the licence stated beside a source says about commercial use."""

    PERMITTED = "permitted"
    """The stated licence allows it (copyleft licences included, with their conditions)."""

    BARRED = "barred"
    """The stated or believed licence, or a part of it, forbids it."""

    UNSTATED = "unstated"
    """No licence is stated, so no permission is given either."""


@dataclass(frozen=True, slots=True)
class Source:
    """One data source: where it was published and on what terms."""

    repository: str
    licence: str
    commercial_use: CommercialUse


_PERMITTED = CommercialUse.PERMITTED
_BARRED = CommercialUse.BARRED
_UNSTATED = CommercialUse.UNSTATED

ASPECTS = "aspects_semeval14"
"""The marked sentences that the token head learns from, see `TrainSettings.aspects_file`."""

SOURCES: dict[str, Source] = {
    "semeval_tweets": Source(
        "leelaylay/TweetSemEval@289ab5f5f3",
        "MIT (repository); Twitter's terms apply to the tweets",
        _PERMITTED,
    ),
    "airline_tweets": Source(
        "Ramlah0/Twitter-US-Airline-Sentiment-Analysis@b485e56d82",
        "none stated; the original release is believed to be CC BY-NC-SA 4.0",
        _BARRED,
    ),
    "sst2_sentences": Source(
        "clairett/pytorch-sentiment-classification@457ffd83de", "none stated", _UNSTATED
    ),
    "sst2_phrases": Source("awake020/pytorch_Bert_sst2@ce2ab1719d", "none stated", _UNSTATED),
    "sst5_neutral": Source(
        "AcademiaSinicaNLPLab/sentiment_dataset@23c72429de", "none stated", _UNSTATED
    ),
    "product_reviews_cr": Source(
        "felipefreitas93/NLPdatasets@ede080982a", "none stated", _UNSTATED
    ),
    "womens_clothing": Source(
        "irmakozveren01/Womens-clothing-text-analysis@18e084e", "MIT", _PERMITTED
    ),
    "amazon_software_2018": Source("DevonM02/KF5042@d333c308e0", "none stated", _UNSTATED),
    "amazon_alexa": Source(
        "Vaibhavi282004/amazon-alexa-sentiment-analysis@0ca666b830", "none stated", _UNSTATED
    ),
    "amazon_fine_food_1k": Source("abhi3700/semantic-hashing-demo@c3e34e2f11", "MIT", _PERMITTED),
    "pycaret_amazon_apps": Source("pycaret/datasets@6999ad0556", "MIT", _PERMITTED),
    "laptops_india": Source(
        "Balaji-Bharadwaj/laptop_reviews_analysis_project@6c2a34762c", "none stated", _UNSTATED
    ),
    "flipkart_electronics": Source(
        "subhayudutta/Sentiment-Analysis-of-Flipkart-Reviews@04382e5ad8", "GPL-2.0", _PERMITTED
    ),
    "uci_sentences_amazon": Source(
        "varunchitale/Sentiment-Analysis@0fecb52a8f", "Apache-2.0", _PERMITTED
    ),
    "uci_sentences_yelp": Source(
        "varunchitale/Sentiment-Analysis@0fecb52a8f", "Apache-2.0", _PERMITTED
    ),
    "skytrax_seat": Source(
        "quankiquanki/skytrax-reviews-dataset@bd4997cbfc", "CC0-1.0 (repository)", _PERMITTED
    ),
    "skytrax_lounge": Source(
        "quankiquanki/skytrax-reviews-dataset@bd4997cbfc", "CC0-1.0 (repository)", _PERMITTED
    ),
    "skytrax_ryanair": Source(
        "yasirech-chammakhy/Sentiment-Analysis-of-Ryanair-Airline-Reviews@a5f2f172ca",
        "MIT",
        _PERMITTED,
    ),
    "skytrax_india": Source(
        "varunkumar-ft251100/Text-Analytics-Airline-reviews@ee27c73d83", "none stated", _UNSTATED
    ),
    "nhs_fft_v6": Source(
        "CDU-data-science-team/pxtextmining@ba6c0a2f10",
        "MIT; parts CC BY-NC-SA by its data notes",
        _BARRED,
    ),
    "nhs_phase1": Source(
        "CDU-data-science-team/pxtextmining@ba6c0a2f10",
        "MIT; parts CC BY-NC-SA by its data notes",
        _BARRED,
    ),
    "gplay_amazon_shopping": Source(
        "Maoelan/mlflow-amazon-sentiment-analysis@ed6a88d799", "AGPL-3.0", _PERMITTED
    ),
    "gplay_uber": Source(
        "jharana-adhikari-AI/Uber-Customer-Reviews-Dataset-2024-@8469dfe2d6",
        "none stated",
        _UNSTATED,
    ),
    "gplay_mixed_apps": Source(
        "FeelTheDarkness/Sentiment-Analysis-of-App-Reviews@52e4b0776a", "none stated", _UNSTATED
    ),
    "gplay_rsm": Source("rsm-y8qian/google-play-reviews@07af75fb8c", "none stated", _UNSTATED),
    "gplay_bank_ethiopia": Source(
        "samrawitgithubac/ethiopian-bank-reviews-analysis@5d52425bb3, "
        "beza1619/bank-reviews-analysis@0d243f3b42",
        "none stated",
        _UNSTATED,
    ),
    "android_app_reviews_20k": Source(
        "amitt001/Android-App-Reviews-Dataset@30461678c9", "none stated", _UNSTATED
    ),
    "app_sentences_is22": Source("jsdabrowski/IS-22@2b685b1442", "MIT", _PERMITTED),
    "shopify_app": Source("eyaltoledano/shopify-app-reviews@0bba96b0ea", "MIT", _PERMITTED),
    "bank_india": Source(
        "ravindersingh79/Sentiment-Analysis-@28154ec980", "none stated", _UNSTATED
    ),
    "us_mortgage_reviews": Source(
        "vicky60629/Bank-Reviews-Complaints-Analysis@a7ce143a61", "MIT", _PERMITTED
    ),
}
"""What a run's `sources` can name: labelled texts."""

EVERY_SOURCE: dict[str, Source] = SOURCES | {
    # The repository's MIT is its author's word for its author's code. The sentences are SemEval's
    # (2014, task 4), which gave them out for research: they are held to those terms, as the NHS
    # comments above are held to their data notes and not to the MIT of the repository around them.
    ASPECTS: Source(
        "songyouwei/ABSA-PyTorch@9a7c6c1c99",
        "MIT (repository); SemEval 2014's own terms are for research use",
        _BARRED,
    ),
}
"""Everything that a model can have learned from: SOURCES, then the marked sentences, which have no
label of their own and so are no part of a run's `sources`."""


def permits_commercial_use(name: str) -> bool:
    """Whether the terms stated beside a source permit commercial use."""
    return EVERY_SOURCE[name].commercial_use is _PERMITTED


def with_commercial_use(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of `names` whose stated licence permits commercial use, in their order."""
    return tuple(name for name in names if permits_commercial_use(name))
