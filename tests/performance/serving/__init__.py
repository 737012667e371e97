"""How near the model server comes to the hardware's limit, and to other servers."""
