"""Tells API Gateway who a bearer token belongs to."""
