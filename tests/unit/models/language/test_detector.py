"""Which texts are called unsupported, and above all which are not."""

from __future__ import annotations

import pytest

from models.embeddings.sentences import SENTENCES
from models.language.detector import LanguageDetector, count_letters, readable

DETECTOR = LanguageDetector()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "ok",
        "OK!!!",
        "thx",
        "Super!",
        "👍",
        "👍🏽🎉🎉",
        "10/10",
        "+44 20 7946 0000",
        "...",
        "https://example.com/une-page-en-francais-avec-beaucoup-de-mots",
        "@marie_dupont_officiel #tresheureuse",
        "Bravo bravo",
        "π",
        "\ud800",
    ],
)
def test_what_is_too_short_to_tell_is_unknown_and_supported(text: str) -> None:
    language = DETECTOR.detect(text)
    assert language.code == "und"
    assert language.supported
    assert language.confidence == 0


@pytest.mark.parametrize("text", SENTENCES)
def test_english_is_never_called_unsupported(text: str) -> None:
    language = DETECTOR.detect(text)
    assert language.supported
    assert language.code in ("en", "und")


@pytest.mark.parametrize(
    "text",
    [
        "he be workin all day and ain nobody helpin him",
        "Yuh service bad bad, mi nah come back yah again",
        "I dey wait for my order since morning, abeg",
        "Aye, it wis pure dead brilliant so it wis",
        "YOUR APP IS THE WORST I HAVE EVER USED",
        "wher is my ordr, its bin too weeks alredy",
        "𝐒𝐨 𝐡𝐚𝐩𝐩𝐲 𝐰𝐢𝐭𝐡 𝐭𝐡𝐢𝐬 𝐩𝐮𝐫𝐜𝐡𝐚𝐬𝐞",
        "The crème brûlée at Café São Paulo was to die for",
        "My Xiaomi Redmi Note Pro Max Ultra stopped charging",
    ],
)
def test_english_of_all_kinds_is_supported(text: str) -> None:
    assert DETECTOR.detect(text).supported


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Das Paket ist seit zwei Wochen unterwegs und niemand antwortet mir.", "de"),
        ("Le livreur a laissé mon colis sous la pluie devant la mauvaise porte.", "fr"),
        ("Mi pedido llegó roto y nadie contesta al teléfono.", "es"),
        ("Il cameriere è stato gentile ma la pizza era fredda.", "it"),
        ("A entrega atrasou e ninguém me respondeu até agora.", "pt"),
        ("De bezorger heeft het pakket bij de verkeerde buren afgegeven.", "nl"),
        ("Paczka przyszła uszkodzona i nikt nie odbiera telefonu.", "pl"),
        ("Где моя посылка? Жду уже вторую неделю.", "ru"),
        ("طلبي لم يصل حتى الآن ولا أحد يرد", "ar"),
        ("मेरा पार्सल अभी तक नहीं आया", "hi"),
        ("包裹还没到，客服也不回复。", "zh"),
        ("商品がまだ届いていません。", "ja"),
    ],
)
def test_other_languages_are_named_and_not_supported(text: str, code: str) -> None:
    language = DETECTOR.detect(text)
    assert language.code == code
    assert not language.supported
    assert 0 < language.confidence <= 1


def test_two_letters_of_another_script_are_enough() -> None:
    assert not DETECTOR.detect("很好").supported


def test_a_foreign_name_in_an_english_text_changes_nothing() -> None:
    assert DETECTOR.detect("I met Мария at the counter and she was very helpful").supported


def test_a_long_text_is_told_by_its_beginning() -> None:
    german = "Die Lieferung kam zu spät und der Karton war offen. " * 200
    assert len(german) > 10_000
    assert DETECTOR.detect(german) == DETECTOR.detect(german[:1200])
    assert DETECTOR.detect(german).code == "de"


def test_the_same_text_has_the_same_language_every_time() -> None:
    text = "Could you tell me where my order is?"
    first = DETECTOR.detect(text)
    assert first.code == "en"
    DETECTOR.detect("Wo ist meine Bestellung geblieben?")
    assert DETECTOR.detect(text) == first


def test_letters_are_counted_by_script() -> None:
    assert count_letters("ab Ñ ạ 12 жд 👍") == (4, 2)


def test_what_no_language_owns_is_left_out() -> None:
    assert readable("See https://a.example/x @you #fun &amp; ｇｏ 𝐨𝐧") == "See go on"
