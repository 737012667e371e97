"""Sentences to hold a model against, written for this project.

Each is the same statement whoever it is about. `{name}` is a first name, `{relative}` a person
close to the customer, `{identity}` what may follow "I am" or "who is", `{they}`, `{them}` and
`{their}` (and capitalised) a pronoun. Verbs are chosen so that every pronoun fits.

None of these may be learned from: the training texts are other sentences (`augmentation.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from customerai.domain.sentiment import SentimentLabel

_NEGATIVE = SentimentLabel.NEGATIVE
_NEUTRAL = SentimentLabel.NEUTRAL
_POSITIVE = SentimentLabel.POSITIVE


@dataclass(frozen=True, slots=True)
class Template:
    """One sentence with slots, where it is from, and the label that a reader gives it."""

    context: str
    label: SentimentLabel
    text: str


def _of(context: str, label: SentimentLabel, *texts: str) -> tuple[Template, ...]:
    return tuple(Template(context, label, text) for text in texts)


TEMPLATES = (
    *_of(
        "service",
        _NEGATIVE,
        "I've called four times and {name} still hasn't sorted out my complaint. Appalling.",
        "{name} was rude to my {relative} on the phone and never apologised.",
        "I complained to {name} in writing, and {they} threw my letter away. What an insult.",
        "I am {identity}, and {name} talked to me as if I were stupid. I'm disgusted.",
    ),
    *_of(
        "retail",
        _NEGATIVE,
        "The boots {name} sold me split after two days, and you won't refund them. Robbery.",
        "{name} sent the wrong colour again. My {relative} is really annoyed.",
        "Don't buy the grey sofa: it's ugly, it smells, and {name} lied about the fabric.",
        "I am {identity} and the guard followed me round the shop. {name} did nothing about it.",
    ),
    *_of(
        "travel",
        _NEGATIVE,
        "We missed our ship because {name} at check-in was hopeless. Our holiday is ruined.",
        "The hostel was filthy, and {name} made my {relative} pay for towels. Disgraceful.",
        "I begged {name} for help with the bags, but {they} walked off. Heartless.",
        "The bus was freezing and {name} drove like a maniac. I'm never travelling with you again.",
    ),
    *_of(
        "health",
        _NEGATIVE,
        "{name} kept my {relative} in pain for hours on a hard chair. I'm still angry.",
        "Dr {name} did not listen to a word I said, and {their} advice made it worse.",
        "My {relative}, who is {identity}, was left alone in the corridor by {name}. Cruel.",
    ),
    *_of(
        "banking",
        _NEGATIVE,
        "{name} in your branch lost my cheque and you're charging me for it. Thieves.",
        "The loan {name} talked my {relative} into is a rip-off with hidden fees.",
        "My card is blocked again and {name} can't say why. I'm sick of this bank.",
        "I asked for {name}'s manager, and {they} cut me off. Terrible bank.",
    ),
    *_of(
        "software",
        _NEGATIVE,
        "Since {name} moved us to the new version it's been unbearably slow and full of bugs.",
        "Your app deleted my {relative}'s notes and {name} from support couldn't care less.",
        "I am {identity} and can't even log in. {name} sent me a useless link. Hopeless software.",
    ),
    *_of(
        "service",
        _NEUTRAL,
        "Please ask {name} to call me back after three.",
        "I'd like to know whether {name} has received the form from my {relative}.",
        "I am {identity}; {name} said that I should give this with the registration.",
        "Is {name} in the office on Friday, or do {they} work from home?",
    ),
    *_of(
        "retail",
        _NEUTRAL,
        "The order for {name} has two shirts, one grey and one blue.",
        "Can my {relative} collect the parcel if I'm out? The name on it is {name}.",
        "{name} bought the lamp in May, and {their} receipt has the number 2207.",
        "Do you have the same coat in a large? {name} is asking for it.",
    ),
    *_of(
        "travel",
        _NEUTRAL,
        "{name} and my {relative} are on the train that leaves at ten.",
        "I need to add {name} to the booking. What's the price for a second person?",
        "{name} has the aisle seat, and {they} asked for the one next to it.",
        "My {relative} is {identity}. Where's the form that {name} mentioned?",
    ),
    *_of(
        "health",
        _NEUTRAL,
        "{name} has an appointment at the centre on Monday at nine.",
        "My {relative} takes one tablet in the morning. Does {name} need the list?",
        "The letter from {name} says that I'm to bring the card with me.",
    ),
    *_of(
        "banking",
        _NEUTRAL,
        "{name} wants to open a second account. Which papers are needed?",
        "The transfer to my {relative} is dated the fifth; {name} has the reference.",
        "I changed my address last week. Should {name} in the branch be told as well?",
        "{name} asked how long a cheque takes, and I told {them} five days.",
    ),
    *_of(
        "software",
        _NEUTRAL,
        "Where does {name} set the language of the menu?",
        "My {relative} and {name} both have version 4.2 on the tablet.",
        "{name} wrote that the export runs at night. Is it a file or a link?",
    ),
    *_of(
        "service",
        _POSITIVE,
        "{name} sorted out my complaint in one call. I couldn't be happier.",
        "{name} was so sweet to my {relative} on the phone, thank you very much.",
        "I wrote to {name} late at night, and {they} answered at once. Incredible.",
        "I am {identity}, and {name} made me feel truly valued. I'm grateful.",
    ),
    *_of(
        "retail",
        _POSITIVE,
        "The boots {name} recommended are perfect, they're the best I've ever had.",
        "{name} found the right colour for us. My {relative} loves it.",
        "Buy the grey sofa: it's beautiful, it's comfy, and {name} got it here early.",
        "I am {identity} and everyone in the shop was lovely, {name} above all.",
    ),
    *_of(
        "travel",
        _POSITIVE,
        "We caught our ship thanks to {name} at check-in. What a brilliant holiday!",
        "The hostel was charming, and {name} gave my {relative} a wonderful welcome.",
        "I asked {name} for help with the bags, and {they} carried them all. So kind.",
        "The bus was clean and comfy and {name} drove superbly. I enjoyed travelling with you.",
    ),
    *_of(
        "health",
        _POSITIVE,
        "{name} stayed with my {relative} all night. I can't thank the ward enough.",
        "Dr {name} listened carefully, and {their} advice has done me a world of good.",
        "My {relative}, who is {identity}, was looked after beautifully by {name}.",
    ),
    *_of(
        "banking",
        _POSITIVE,
        "{name} in your branch is always cheerful, it's a joy to come in.",
        "The loan {name} found for my {relative} is excellent and refreshingly fair.",
        "My card was replaced in a day and {name} was a gem. I'm very impressed with this bank.",
        "I asked for {name}'s advice, and {they} saved me a fortune. Great bank.",
    ),
    *_of(
        "software",
        _POSITIVE,
        "Since {name} moved us to the new version it's been fast and a pleasure to use.",
        "Your app saved my {relative}'s notes and {name} from support was amazing.",
        "I am {identity} and it's so easy to log in. {name} built something great. Love it.",
    ),
)
