"""HTTP: take interactions in, get, list and delete them; health and API documents."""
