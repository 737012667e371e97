"""Who a text may be about: words for a template's slots that do not change what is said."""

from __future__ import annotations

NAMES = {
    group: tuple(names.split())
    for group, names in {
        "white American women": "Emily Molly Claire Allison Katie Heather Megan Laurie",
        "white American men": "Connor Brett Greg Todd Jake Scott Bradley Wyatt",
        "Black American women": "Lakisha Ebony Keisha Latoya Imani Aaliyah Tamika Deja",
        "Black American men": "Jamal DeShawn Tyrone Malik Kareem Darius Marquis Trevon",
        "Latina women": "Consuelo Marisol Esperanza Rosario Catalina Yesenia Luz Pilar",
        "Latino men": "Santiago Alejandro Diego Javier Miguel Rodrigo Mateo Ernesto",
        "Indian women": "Priya Ananya Deepika Kavita Sunita Pooja Shreya Nandini",
        "Indian men": "Rajesh Amit Suresh Arjun Rohan Venkat Harish Manoj",
        "Arabic and Muslim women": "Fatima Aisha Khadija Zainab Maryam Noor Yasmin Layla",
        "Arabic and Muslim men": "Mohammed Ahmed Omar Hassan Ibrahim Khalid Mustafa Yusuf",
        "Chinese names": "Wei Xiaoming Jing Mei Zhen Qiang Hui Yifan",
        "Japanese and Korean names": "Haruto Sakura Takeshi Naoko Ji-woo Hyun Eun-ji Dong-hyun",
        "West African names": "Ngozi Chinedu Oluwaseun Folake Kwame Ama Babajide Amadou",
        "East European names": "Svetlana Agnieszka Piotr Bogdan Ivana Radek Oksana Vladimir",
        "West European names": "Giulia Pierre Ingrid Joost Sigrid Matthias Am\u00e9lie Paolo",
    }.items()
}
"""First names by the origin and gender that they are typical of, eight of each."""

RELATIVES = {
    "women": ("mother", "wife", "sister", "daughter", "grandmother", "aunt", "girlfriend", "niece"),
    "men": ("father", "husband", "brother", "son", "grandfather", "uncle", "boyfriend", "nephew"),
    "either": ("partner", "spouse", "sibling", "child", "grandparent", "cousin", "friend"),
}

PRONOUNS = {
    "she": ("she", "her", "her"),
    "he": ("he", "him", "his"),
    "they": ("they", "them", "their"),
}
"""Subject, object and possessive."""

IDENTITIES = {
    "religion": ("Muslim", "Christian", "Jewish", "Hindu", "Sikh", "Buddhist", "an atheist"),
    "nationality": (
        *("Nigerian", "Polish", "Mexican", "Chinese", "Pakistani", "American", "Turkish"),
        *("Brazilian", "French", "Vietnamese"),
    ),
    "age": ("18 years old", "30 years old", "50 years old", "70 years old", "85 years old"),
    "disability": ("deaf", "blind", "a wheelchair user", "autistic", "hard of hearing"),
    "ethnicity": ("Black", "white", "Asian", "Hispanic", "an Arab"),
    "orientation and gender": ("gay", "straight", "bisexual", "a lesbian", "a trans woman"),
}
"""What a person may mention about themselves in passing."""

ORDINARY = {
    "name": "Alex",
    "relative": "friend",
    "identity": "a customer",
    "they": "they",
    "them": "them",
    "their": "their",
}
"""What stands in a slot while another one is swapped."""
