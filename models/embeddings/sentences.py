"""Sentences of our own on which the quantised embeddings are held against FP32."""

SENTENCES = (
    "Where is my parcel?",
    "ok",
    "Thanks!",
    "The boots arrived two sizes too small and the box was torn open.",
    "Could you tell me whether the workshop is open on Saturday mornings?",
    "I would like to cancel my membership from the first of next month.",
    "My card was charged twice for a single coffee grinder.",
    "We waited forty minutes at the counter before anybody looked up.",
    "Best dentist I have ever been to, calm, quick and kind.",
    "The app logs me out every time I open the map.",
    "Please send the invoice to our new address in Leeds.",
    "The brakes failed on the way home and I want somebody to ring me today.",
    "Does the warranty cover water damage?",
    "There is glass in the jam. A child nearly ate it.",
    "Your driver left the pram in the rain outside the wrong house.",
    "How do I change the e-mail address that I sign in with?",
    "Nothing to complain about, the room was as described.",
    "The concert was moved by a week and nobody told those of us with tickets.",
    "Refund received, thank you for sorting it out so fast.",
    "Can I pay in three instalments?",
    "The radiator has been cold since Friday and my mother is ninety.",
    "Loved the lentil soup, could have done without the loud music.",
    "Somebody has changed my password and it was not me.",
    "The new version is slower, but the search finally finds what I mean.",
    "Is it possible to add a second traveller to booking LK-20931?",
    "This is the third broken lamp in a row. I give up.",
    "I'd like to speak with a person, not with another menu.",
    "The nurse explained each step, which took away my fear.",
    "Delivery was a day early and the courier even carried it upstairs!!! 😊",
    "WHY IS NOBODY ANSWERING THE PHONE",
    "Ordered the blue one, got the green one, kept the green one, no regrets.",
    "The lease runs out in June; what happens to the deposit then?",
    "Battery lasts two hours instead of the promised ten.",
    "Our internet has been down since six and I run a pharmacy.",
    "The seat would not recline and the socket was dead for nine hours.",
    "Can you recommend a tent for two people and a large dog?",
    "10/10",
    "Your website says in stock, the shop says never heard of it.",
    "I returned the jacket on 4 March and still have no money back.",
    "Lovely colours, dreadful stitching.",
    "The tutor cancelled five minutes before the lesson, again.",
    "What is the difference between the standard and the family plan?",
    "Please delete all the data that you hold about me.",
    "The pharmacist spotted that two of my tablets must not be taken together.",
    "It smells of smoke whenever I switch the dryer on.",
    (
        "We moved house on the twelfth and took our contract with us. The engineer was to come on "
        "the thirteenth between eight and noon. Nobody came, nobody rang, and when I called at one "
        "o'clock I was told that the visit had been marked as done. A second visit was booked for "
        "the sixteenth, and this time somebody did come, a friendly man who found in a minute that "
        "the line had never been patched at the exchange. He could not do that himself. It took "
        "four more days, two more calls and one letter until the line was live. I have kept every "
        "receipt for the mobile data that I bought meanwhile, thirty-one pounds in all, and I "
        "would like to have that sum credited. The people on the phone were patient, I want to say "
        "that too, but none of them could see what the others had promised me."
    ),
)
