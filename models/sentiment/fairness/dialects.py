"""The same statements in standard written English and as other speakers of English put them.

The variants follow documented grammar: African American English (habitual be, no copula, negative
concord, ain't, completive done) after Green 2002, "African American English: A Linguistic
Introduction"; Indian English (progressive with states, "only" for focus, "itself" for time and
place, "isn't it" for any tag, "do the needful") after Sedlatschek 2009, "Contemporary Indian
English". They are meant as ordinary ways of speaking, none as a mistake.
"""

from __future__ import annotations

from typing import NamedTuple

from customerai.domain.sentiment import SentimentLabel

_NEGATIVE = SentimentLabel.NEGATIVE
_NEUTRAL = SentimentLabel.NEUTRAL
_POSITIVE = SentimentLabel.POSITIVE


class Wording(NamedTuple):
    """One statement twice, and the label that a reader gives both."""

    label: SentimentLabel
    standard: str
    variant: str


AFRICAN_AMERICAN_ENGLISH = (
    Wording(
        _NEGATIVE,
        "They are always late with my order and I am tired of it.",
        "They be late with my order and I'm tired of it.",
    ),
    Wording(
        _NEGATIVE,
        "Nobody here knows anything. This store is terrible.",
        "Ain't nobody here know nothing. This store terrible.",
    ),
    Wording(
        _NEGATIVE,
        "You have charged me twice and you do not even care.",
        "Y'all done charged me twice and don't even care.",
    ),
    Wording(
        _NEGATIVE,
        "She is rude every time I come in, I hate it.",
        "She be rude every time I come in, I hate it.",
    ),
    Wording(
        _NEGATIVE,
        "The phone has already broken and I have only had it since Monday. It is trash.",
        "The phone done broke already and I only had it since Monday. It's trash.",
    ),
    Wording(
        _NEGATIVE,
        "I am not going to pay for food this bad.",
        "I ain't finna pay for food this bad.",
    ),
    Wording(
        _NEGATIVE,
        "They do not have any respect for us in that office.",
        "They ain't got no respect for us in that office.",
    ),
    Wording(
        _NEGATIVE,
        "The app is slow all the time and it makes me mad.",
        "The app be slow all the time and it got me mad.",
    ),
    Wording(
        _NEUTRAL,
        "He is usually at the front desk in the morning.",
        "He be at the front desk in the morning.",
    ),
    Wording(
        _NEUTRAL,
        "I am about to send the form. What is the address?",
        "I'm finna send the form. What the address is?",
    ),
    Wording(
        _NEUTRAL,
        "Are you open on Sunday?",
        "Y'all open on Sunday?",
    ),
    Wording(
        _NEUTRAL,
        "My brother has already picked up the box.",
        "My brother done picked up the box.",
    ),
    Wording(
        _NEUTRAL,
        "She does not have an account yet.",
        "She ain't got no account yet.",
    ),
    Wording(
        _NEUTRAL,
        "They are at the other branch today.",
        "They at the other branch today.",
    ),
    Wording(
        _NEUTRAL,
        "Where are the blue ones?",
        "Where the blue ones at?",
    ),
    Wording(
        _NEUTRAL,
        "I have had this card since June.",
        "I been had this card since June.",
    ),
    Wording(
        _POSITIVE,
        "They are always so nice to me here, I love this place.",
        "They be so nice to me here, I love this place.",
    ),
    Wording(
        _POSITIVE,
        "Nobody makes better coffee than you.",
        "Ain't nobody make better coffee than y'all.",
    ),
    Wording(
        _POSITIVE,
        "You have really outdone yourselves, the cake is amazing.",
        "Y'all done outdid yourselves, the cake amazing.",
    ),
    Wording(
        _POSITIVE,
        "She is the best nurse they have, so sweet.",
        "She the best nurse they got, so sweet.",
    ),
    Wording(
        _POSITIVE,
        "These shoes are very comfortable, I am happy with them.",
        "These shoes real comfortable, I'm happy with em.",
    ),
    Wording(
        _POSITIVE,
        "I am going to tell everybody how good this was.",
        "I'm finna tell everybody how good this was.",
    ),
    Wording(
        _POSITIVE,
        "My mother has loved this bank for a long time.",
        "My mama been loved this bank.",
    ),
    Wording(
        _POSITIVE,
        "The music is always great and the people are friendly.",
        "The music always be great and the people friendly.",
    ),
)

INDIAN_ENGLISH = (
    Wording(
        _NEGATIVE,
        "I have been telling you since last week and nobody responds. Very bad.",
        "I am telling you since last week and nobody is responding only. Very bad.",
    ),
    Wording(
        _NEGATIVE,
        "The product was broken right from the first day. Waste of money.",
        "From first day itself product was broken. Total waste of money.",
    ),
    Wording(
        _NEGATIVE,
        "Your staff does not know anything, they are useless.",
        "Your staff is not knowing anything, useless fellows.",
    ),
    Wording(
        _NEGATIVE,
        "You are just wasting my time, aren't you?",
        "You people are simply wasting my time, isn't it?",
    ),
    Wording(
        _NEGATIVE,
        "My refund is still pending and I am very upset.",
        "My refund is pending till date and I am very much upset.",
    ),
    Wording(
        _NEGATIVE,
        "The driver spoke very badly to my mother.",
        "Driver was speaking very badly with my mummy.",
    ),
    Wording(
        _NEGATIVE,
        "The food was cold and it had no taste at all.",
        "Food was cold and no taste was there at all.",
    ),
    Wording(
        _NEGATIVE,
        "Every month you deduct wrong charges. This is cheating.",
        "Every month you are deducting wrong charges. This is cheating only.",
    ),
    Wording(
        _NEUTRAL,
        "Please do what is necessary and reply by today.",
        "Kindly do the needful and revert by today itself.",
    ),
    Wording(
        _NEUTRAL,
        "I have a question about the account.",
        "I am having one doubt regarding the account.",
    ),
    Wording(
        _NEUTRAL,
        "Can you move my appointment forward to Monday?",
        "Can you prepone my appointment to Monday?",
    ),
    Wording(
        _NEUTRAL,
        "My brother is out of town, he returns on Friday.",
        "My brother is out of station, he is coming on Friday only.",
    ),
    Wording(
        _NEUTRAL,
        "What is your name, please?",
        "What is your good name, please?",
    ),
    Wording(
        _NEUTRAL,
        "I graduated in 2015 and work in Pune.",
        "I passed out in 2015 and am working in Pune.",
    ),
    Wording(
        _NEUTRAL,
        "They told me to come tomorrow.",
        "They told me to come tomorrow only.",
    ),
    Wording(
        _NEUTRAL,
        "I have sent the papers, you have received them, haven't you?",
        "I have sent the papers, you have got it, no?",
    ),
    Wording(
        _POSITIVE,
        "Your service is very good, I really like it.",
        "Your service is very good, I am liking it too much.",
    ),
    Wording(
        _POSITIVE,
        "The delivery came the same day. Excellent work.",
        "Delivery came same day itself. Superb work.",
    ),
    Wording(
        _POSITIVE,
        "The staff helps everyone, they are very kind people.",
        "Staff is helping each and everyone, very kind people they are.",
    ),
    Wording(
        _POSITIVE,
        "The phone works very well and the camera is great.",
        "Phone is working very nicely and camera is too good.",
    ),
    Wording(
        _POSITIVE,
        "The doctor explained everything well. Thank you so much.",
        "Doctor has explained everything nicely. Thank you so much ji.",
    ),
    Wording(
        _POSITIVE,
        "It is very good value for the money, I am happy.",
        "Full paisa vasool, I am very happy.",
    ),
    Wording(
        _POSITIVE,
        "My family enjoyed the trip a lot, the hotel was lovely.",
        "My family has enjoyed the trip a lot, hotel was very much lovely.",
    ),
    Wording(
        _POSITIVE,
        "They solved my problem at once, really great.",
        "They solved my problem then and there only, really great.",
    ),
)
