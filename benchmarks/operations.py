"""What is measured of a layer."""

FORWARD, INPUT, WEIGHT = OPERATIONS = ("forward", "input gradient", "weight gradient")
