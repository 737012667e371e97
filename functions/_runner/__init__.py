"""The local runner: the whole platform in one terminal, without an AWS account."""
