"""Which arithmetic do several analyses share: robust statistics, day grids, weekdays, local time, sample sizes, parallel work?

Here belongs what has no subject of its own and is used by two sub-rooms or more. A method with a subject is in the
sub-room of its subject, also when it is small.
"""
