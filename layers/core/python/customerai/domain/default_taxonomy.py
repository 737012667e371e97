"""The topics that a tenant has until it sets its own: what shops and subscriptions hear about."""

from customerai.domain.taxonomy import Taxonomy, Topic

DEFAULT_TAXONOMY = Taxonomy.of(
    (
        Topic(
            "delivery",
            "Delivery and shipping",
            (
                "My parcel was supposed to be here on Monday and still has not come.",
                "The courier left the box in the rain.",
                "Tracking has said 'in transit' for nine days.",
                "It arrived two days sooner than promised.",
            ),
        ),
        Topic(
            "returns-refunds",
            "Returns and refunds",
            (
                "I sent the shoes back three weeks ago and have seen no money yet.",
                "How do I return something that does not fit?",
                "The refund was on my card the next morning.",
                "You took the item back but kept the shipping fee.",
            ),
        ),
        Topic(
            "billing-payment",
            "Billing and payment",
            (
                "I was charged twice for the same month.",
                "The invoice shows an amount that I never agreed to.",
                "My card is refused at the checkout although it works everywhere else.",
                "Can I pay by bank transfer?",
            ),
        ),
        Topic(
            "price-value",
            "Price and value",
            (
                "For what it costs I would have expected more.",
                "Nowhere else did I find it this cheap.",
                "You raised the price again without adding anything.",
                "Worth every cent.",
            ),
        ),
        Topic(
            "product-quality",
            "Quality and durability",
            (
                "The zip tore after one week.",
                "Solid, well made, and still like new after a year.",
                "The fabric feels thin and cheap.",
                "A screw was missing and the lid does not close.",
            ),
        ),
        Topic(
            "description-fit",
            "Size, fit and description",
            (
                "The jacket runs a whole size small.",
                "In the pictures it was green, and what came is grey.",
                "It fits exactly as the size chart says.",
                "Nothing on the page said that batteries are not included.",
            ),
        ),
        Topic(
            "availability",
            "Stock and availability",
            (
                "The one I want has been sold out for a month.",
                "When will the blue one be back in stock?",
                "You accepted my order and then told me that there are none left.",
            ),
        ),
        Topic(
            "order-changes",
            "Changing or cancelling an order",
            (
                "I typed the wrong address, can you still change it?",
                "Please cancel what I ordered an hour ago.",
                "There is no way to add an item to an order that is already placed.",
            ),
        ),
        Topic(
            "support",
            "Customer support",
            (
                "I waited forty minutes on the phone and then the line went dead.",
                "The agent understood at once what was wrong and fixed it.",
                "Nobody has answered my three emails.",
                "Your chat only ever sends me the same article.",
            ),
        ),
        Topic(
            "account-access",
            "Account and sign-in",
            (
                "The link to reset my password never arrives.",
                "I am locked out of my account since this morning.",
                "How can I change the email address that I sign in with?",
                "The code for the second factor is always rejected.",
            ),
        ),
        Topic(
            "subscription",
            "Subscription and renewal",
            (
                "I cancelled my plan in May and it was renewed all the same.",
                "How do I switch from the monthly to the yearly plan?",
                "The trial turned into a paid plan without a warning.",
            ),
        ),
        Topic(
            "app-usability",
            "App, website and ease of use",
            (
                "I can't find the settings since you redesigned the menu.",
                "The app is clear and quick to learn.",
                "On my phone the button lies outside of the screen.",
                "It takes eleven clicks to export a report.",
            ),
        ),
        Topic(
            "errors-outages",
            "Errors and outages",
            (
                "The page has shown an error 500 all morning.",
                "The app crashes as soon as I open my cart.",
                "Since the update nothing synchronises any more.",
                "Is your service down again?",
            ),
        ),
        Topic(
            "privacy-security",
            "Privacy and security",
            (
                "Please delete all the data that you hold about me.",
                "Somebody ordered something in my name.",
                "Why do you need my date of birth?",
            ),
        ),
    )
)
