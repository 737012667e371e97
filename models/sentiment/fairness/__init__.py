"""Does the model judge what was said, or who said it and how they spell?"""
