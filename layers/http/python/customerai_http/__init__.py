"""What every HTTP function of the platform shares."""
